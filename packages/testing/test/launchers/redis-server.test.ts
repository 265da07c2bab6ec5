import { networkInterfaces } from 'node:os'
import { afterEach, expect, test } from 'vitest'
import { redisCommand, startRedis, until } from '../../src/index.ts'
import type { Redis } from '../../src/redis-server.ts'

let redis: Redis | undefined
afterEach(async () => {
  await redis?.stop()
  redis = undefined
})

test('never evicts, listens on loopback only and answers at once', async () => {
  redis = await startRedis()
  expect(await redisCommand(redis.url, ['PING'])).toBe('+PONG')
  expect(await redisCommand(redis.url, ['INFO'])).toContain('maxmemory_policy:noeviction')
  for (const { address, family, internal } of Object.values(networkInterfaces()).flatMap(
    (i) => i ?? [],
  )) {
    if (internal || family !== 'IPv4') continue
    const outside = { host: address, port: redis.port }
    await expect(redisCommand(outside, ['PING'])).rejects.toThrow('ECONNREFUSED')
  }
})

test('a password is asked for and is part of the URL', async () => {
  redis = await startRedis({ password: 'p@ss:word/1' })
  await expect(redisCommand({ port: redis.port }, ['PING'])).rejects.toThrow('NOAUTH')
  expect(await redisCommand(redis.url, ['PING'])).toBe('+PONG')
})

test('restart after SIGKILL keeps the port, and the data if there is an append-only file', async () => {
  redis = await startRedis({ appendOnly: true, args: ['--appendfsync', 'always'] })
  const { port, pid } = redis
  await redisCommand(redis.url, ['SET', 'kept', 'yes'])
  await redis.kill('SIGKILL')
  await expect(redisCommand(redis.url, ['PING'])).rejects.toThrow('ECONNREFUSED')
  await redis.restart()
  expect(redis.port).toBe(port)
  expect(redis.pid).not.toBe(pid)
  expect(await redisCommand(redis.url, ['EXISTS', 'kept'])).toBe(':1')
  await redis.flushAll()
  expect(await redisCommand(redis.url, ['EXISTS', 'kept'])).toBe(':0')
})

test('frozen it answers nothing, thawed it goes on', async () => {
  redis = await startRedis()
  redis.freeze()
  await expect(redisCommand(redis.url, ['PING'], 200)).rejects.toThrow('did not answer')
  redis.thaw()
  const { url } = redis
  await until(() => redisCommand(url, ['PING']), { describe: 'Redis to answer' })
})

test('a frozen server can be stopped', async () => {
  const frozen = await startRedis()
  frozen.freeze()
  await frozen.stop()
  await expect(redisCommand(frozen.url, ['PING'])).rejects.toThrow('ECONNREFUSED')
})

test('beyond maxmemory writes are refused', async () => {
  redis = await startRedis({ maxmemory: '2mb' })
  const { url } = redis
  const value = 'x'.repeat(500_000)
  const fill = async () => {
    for (const key of ['a', 'b', 'c', 'd', 'e']) await redisCommand(url, ['SET', key, value])
  }
  await expect(fill()).rejects.toThrow('OOM')
})

test('a wrong argument fails with what Redis says', async () => {
  await expect(startRedis({ args: ['--no-such-option', '1'] })).rejects.toThrow(
    /did not start[\s\S]*no-such-option/,
  )
})
