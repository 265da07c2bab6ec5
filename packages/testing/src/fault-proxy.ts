import { connect, createServer, type Socket } from 'node:net'

export interface FaultProxy {
  port: number
  /** Delays every byte, both ways, by so many milliseconds; 0 ends it. */
  latency(ms: number): void
  /** Breaks every open connection with a TCP reset. New ones are accepted. */
  reset(): void
  /** While on, bytes and new connections go nowhere and nobody is told. Off: the bytes arrive. */
  blackHole(on: boolean): void
  /** Every open connection dies without a word, as when a firewall loses its state. New ones work. */
  forget(): void
  close(): Promise<void>
}

/** A TCP proxy on the loopback address that fails on demand, for connections it already has too. */
export async function startProxy(options: {
  targetPort: number
  targetHost?: string
}): Promise<FaultProxy> {
  const sockets = new Set<Socket>()
  const faults: Faults = { latencyMs: 0, forgotten: new WeakSet() }

  const track = (socket: Socket, peer: Socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    let broken = false
    socket.once('error', () => {
      broken = true
    })
    socket.once('close', async () => {
      sockets.delete(socket)
      if (faults.forgotten.has(socket)) return
      // In a black hole the other end does not learn that this one is gone.
      await faults.hole?.promise
      if (broken) peer.resetAndDestroy()
      else peer.destroySoon()
    })
  }
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const target = connect({
      port: options.targetPort,
      host: options.targetHost ?? '127.0.0.1',
      allowHalfOpen: true,
    })
    track(client, target)
    track(target, client)
    forward(client, target, faults)
    forward(target, client, faults)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    latency(ms) {
      faults.latencyMs = ms
    },
    reset() {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    blackHole(on) {
      if (on) faults.hole ??= Promise.withResolvers()
      else endHole(faults)
    },
    forget() {
      for (const socket of sockets) faults.forgotten.add(socket)
    },
    async close() {
      endHole(faults)
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

interface Faults {
  latencyMs: number
  forgotten: WeakSet<Socket>
  /** Settles when the black hole ends. */
  hole?: PromiseWithResolvers<void> | undefined
}

function endHole(faults: Faults): void {
  faults.hole?.resolve()
  faults.hole = undefined
}

const maxHeldBytes = 1 << 20

/** Every chunk is due a latency after it came, in order, so that latency does not limit throughput. */
function forward(from: Socket, to: Socket, faults: Faults): void {
  let last = Promise.resolve()
  let heldBytes = 0
  const later = (deliver: () => void) => {
    const due = performance.now() + faults.latencyMs
    last = last.then(async () => {
      const wait = due - performance.now()
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
      await faults.hole?.promise
      if (!faults.forgotten.has(from)) deliver()
    })
  }
  from.on('data', (chunk) => {
    heldBytes += chunk.length
    if (heldBytes > maxHeldBytes) from.pause()
    later(() => {
      to.write(chunk, () => {
        heldBytes -= chunk.length
        if (heldBytes <= maxHeldBytes) from.resume()
      })
    })
  })
  from.once('end', () => later(() => to.end()))
}
