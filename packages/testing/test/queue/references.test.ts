import {
  createTestDatabase,
  redisCommand,
  startRedis,
  startTestSystem,
  untilCompleted,
} from '@inventoryrpa/testing'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'

const canary = 'CANARY-7c1e9'
const body = JSON.stringify({
  reference: `${canary}-batch`,
  lines: [
    {
      type: 'adjustment',
      sku: `${canary}-sku`,
      location: `${canary}-location`,
      quantity: 1,
      reason: `${canary}-reason`,
      reference: `${canary}-reference`,
    },
  ],
})

const start = async (redisUrl: string | undefined) => {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  const system = await startTestSystem({ databaseUrl: database.url, redisUrl, workers: 1 })
  onTestFinished(() => system.stop())
  const headers = { 'content-type': 'application/json' }
  const answer = await system.call('/v1/batches', { method: 'POST', headers, body })
  const { id } = (await answer.json()) as { id: string }
  await untilCompleted(system, id)
  return { databaseUrl: database.url, id }
}

/** Everything that is in this Redis, as text. */
const everything = `
local all = {}
local function keep(value)
  if type(value) == 'table' then for _, part in ipairs(value) do keep(part) end
  else all[#all + 1] = tostring(value) end
end
for _, key in ipairs(redis.call('KEYS', '*')) do
  keep(key)
  local kind = redis.call('TYPE', key).ok
  if kind == 'string' then keep(redis.call('GET', key))
  elseif kind == 'hash' then keep(redis.call('HGETALL', key))
  elseif kind == 'list' then keep(redis.call('LRANGE', key, 0, -1))
  elseif kind == 'set' then keep(redis.call('SMEMBERS', key))
  elseif kind == 'zset' then keep(redis.call('ZRANGE', key, 0, -1))
  elseif kind == 'stream' then keep(redis.call('XRANGE', key, '-', '+'))
  else keep('unread kind ' .. kind) end
end
return table.concat(all, ' ')`

test('Redis holds references to chunks and nothing that a line says', async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const { id } = await start(redis.url)
  const text = await redisCommand(redis.url, ['EVAL', everything, '0'])
  expect(text).toContain(`{"v":1,"batchId":"${id}","chunk":0}`)
  expect(text).not.toContain('CANARY')
  expect(text).not.toContain('unread kind')
}, 60_000)

test('the queue in PostgreSQL holds references to chunks and nothing that a line says', async () => {
  const { databaseUrl, id } = await start(undefined)
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  onTestFinished(() => client.end())
  const { rows: tables } = await client.query<{ name: string }>(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'bullmq'",
  )
  let text = ''
  for (const { name } of tables) {
    const { rows } = await client.query<{ text: string }>(`select t::text as text from ${name} t`)
    text += rows.map((row) => row.text).join('\n')
  }
  expect(text).toContain(id)
  expect(text).not.toContain('CANARY')
}, 60_000)
