import { connect, createServer } from 'node:net'

/** A TCP port that is free now on the loopback address; `preferred` if that one is. */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await portIsFree(preferred))) return preferred
  return listenOnce(0, '127.0.0.1')
}

/** Whether a server could listen on the port and none answers there, whatever address it took. */
export async function portIsFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  if (await answers(port)) return false
  return listenOnce(port, host).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') return false
      throw error
    },
  )
}

function listenOnce(port: number, host: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const server = createServer()
  server.once('error', reject)
  server.listen({ port, host, exclusive: true }, () => {
    const address = server.address()
    server.close(() => resolve(typeof address === 'object' && address ? address.port : port))
  })
  return promise
}

// macOS lets one process bind 127.0.0.1 while another holds the same port on all addresses.
function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect({ port, host: '127.0.0.1' })
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false))
  socket.setTimeout(1000, () => resolve(true))
  return promise.finally(() => socket.destroy())
}
