import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { checkLedger } from './check-ledger.ts'
import { startMigratedPostgres } from './migrated-postgres.ts'
import { startRedis } from './redis-server.ts'
import { watchMemory } from './resident-memory.ts'
import { untilCompleted } from './submit-lines.ts'
import { startTestSystem } from './test-system.ts'
import { onlineRetailQuery, repeatOnlineRetail, upload } from './upload-online-retail.ts'

/** Streams one large file in and compares the ledger with its plain sums, and memory with its bounds. */
const { values } = parseArgs({
  options: {
    data: { type: 'string', default: 'examples/online-retail' },
    lines: { type: 'string', default: '1000000' },
    backend: { type: 'string', default: 'redis' },
  },
})
const mostGrowthMb = 100
const newline = 0x0a

await using releases = new AsyncDisposableStack()
const file = await repeatOnlineRetail(resolve(values.data), Number(values.lines))
console.log(`${file.lines.length} lines from ${values.data}, queue on ${values.backend}`)
const postgres = await startMigratedPostgres()
releases.defer(() => postgres.stop())
const redis = values.backend === 'redis' ? await startRedis({ appendOnly: true }) : undefined
if (redis) releases.defer(() => redis.stop())
const system = await startTestSystem({ databaseUrl: postgres.url(), redisUrl: redis?.url })
releases.defer(() => system.stop())

const faults: string[] = []
const memory = new Map([
  ['api', await watchMemory(system.api.pid)],
  ['worker', await watchMemory(system.workers[0]?.pid)],
])
const started = performance.now()
const seconds = () => ((performance.now() - started) / 1_000).toFixed(1)
const answer = await upload(system, file.csv(), { query: String(onlineRetailQuery) })
console.log(`answered ${answer.status} after ${seconds()} s`)
const text = await answer.text()
if (answer.status !== 202) throw new Error(text)
const { id } = JSON.parse(text) as { id: string }
await untilCompleted(system, id, 600_000)
console.log(`completed after ${seconds()} s`)
const report = await system.call(`/v1/batches/${id}/report.csv`)
let reported = -1
for await (const chunk of report.body ?? []) {
  for (const byte of chunk) if (byte === newline) reported += 1
}
console.log(`${reported} lines reported after ${seconds()} s`)
if (reported !== file.lines.length) faults.push(`${reported} lines reported`)
for (const [process, watch] of memory) {
  const { before, peak } = await watch.stop()
  console.log(`${process}: ${before.toFixed(0)} MB before, ${peak.toFixed(0)} MB at the highest`)
  if (peak - before > mostGrowthMb) faults.push(`${process} grew by over ${mostGrowthMb} MB`)
}
faults.push(...(await checkLedger(postgres.url(), file.lines)))
for (const fault of faults) console.error(`FAULT ${fault}`)
if (faults.length === 0) console.log('every level equals the plain sum; one movement a line')
process.exitCode = faults.length === 0 ? 0 : 1
