import { connect } from 'node:net'

export interface RedisAddress {
  host?: string
  port: number
  username?: string
  password?: string | undefined
}

/**
 * Sends one command to a Redis (default host: the loopback address) and resolves with the first line of the
 * answer, or the text of a bulk answer. Speaks the protocol itself, so that it also works on a server that is loading or full.
 * @throws Error on an error reply, a broken connection or no answer within `timeoutMs`
 */
export async function redisCommand(
  server: RedisAddress | string,
  command: string[],
  timeoutMs = 5000,
): Promise<string> {
  const { host = '127.0.0.1', port, username, password } = addressOf(server)
  const socket = connect({ port, host })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const login = ['AUTH', ...(username ? [username] : []), password ?? '']
  const commands = password ? [login, command] : [command]
  let text = ''
  socket.setTimeout(timeoutMs, () => reject(new Error(`Redis did not answer ${command[0]}`)))
  socket.once('error', reject)
  socket.once('close', () => reject(new Error('Redis closed the connection')))
  socket.on('data', (chunk) => {
    text += chunk
    const lines = text.split('\r\n')
    if (lines.length <= commands.length) return
    const answer = lines[commands.length - 1] as string
    const body = lines.slice(commands.length).join('\r\n')
    if (answer.startsWith('-')) reject(new Error(`Redis: ${answer.slice(1)}`))
    else if (!answer.startsWith('$')) resolve(answer)
    else if (body.length >= Number(answer.slice(1))) resolve(body.trimEnd())
  })
  for (const words of commands) socket.write(encode(words))
  return promise.finally(() => socket.destroy())
}

function addressOf(server: RedisAddress | string): RedisAddress {
  if (typeof server !== 'string') return server
  const { hostname, port, username, password } = new URL(server)
  return {
    host: hostname,
    port: Number(port || 6379),
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
  }
}

function encode(words: string[]): string {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
  return `*${words.length}\r\n${parts.join('')}`
}

/** Deletes every key that starts with the prefix. */
export async function deleteKeys(url: string, prefix: string): Promise<void> {
  const script = `local cursor = '0'
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do redis.call('UNLINK', key) end
until cursor == '0'`
  await redisCommand(url, ['EVAL', script, '0', `${prefix}*`])
}
