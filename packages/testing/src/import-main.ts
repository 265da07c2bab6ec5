import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type OnlineRetailLine, readOnlineRetailDay } from '@inventoryrpa/local'
import { checkLedger } from './check-ledger.ts'
import { importWithFaults } from './import-with-faults.ts'
import { startMigratedPostgres } from './migrated-postgres.ts'
import { startRedis } from './redis-server.ts'
import { submitLines, untilCompleted } from './submit-lines.ts'
import { startTestSystem } from './test-system.ts'

/** Imports a folder of Online Retail days through the public API and compares the ledger with their plain sums. */
const { values } = parseArgs({
  options: {
    data: { type: 'string', default: 'examples/online-retail' },
    backend: { type: 'string', default: 'redis' },
    faults: { type: 'boolean', default: false },
  },
})

await using releases = new AsyncDisposableStack()
const folder = resolve(values.data)
const files = (await readdir(folder)).filter((name) => name.endsWith('.csv')).sort()
const lines: OnlineRetailLine[] = []
for (const file of files) lines.push(...(await readOnlineRetailDay(join(folder, file))))
console.log(`${files.length} files, ${lines.length} lines, queue on ${values.backend}`)

const postgres = await startMigratedPostgres()
releases.defer(() => postgres.stop())
const redis = values.backend === 'redis' ? await startRedis({ appendOnly: true }) : undefined
if (redis) releases.defer(() => redis.stop())
let relayed = 0
let repeated = 0
const system = await startTestSystem({
  databaseUrl: postgres.url(),
  redisUrl: redis?.url,
  // With faults: small chunks, one at a time, so that each fault finds work under way.
  env: values.faults ? { CHUNK_LINES: '20', WORKER_CONCURRENCY: '1' } : {},
  onLog: (_process, text) => {
    if (!text.startsWith('{')) return
    const entry = JSON.parse(text)
    if (entry.msg === 'chunks brought back to the queue') relayed += entry.chunks
    if (entry.msg === 'chunk already-settled') repeated += 1
  },
})
releases.defer(() => system.stop())

const started = performance.now()
let ids: string[]
if (values.faults) {
  const report = await importWithFaults(system, postgres.url(), lines, redis)
  for (const { fault, pendingLines } of report.injected) {
    console.log(`  ${fault} with ${pendingLines} lines pending`)
  }
  ids = report.batchIds
} else ids = await submitLines(system, lines)
for (const id of ids) await untilCompleted(system, id, 300_000)
const seconds = (performance.now() - started) / 1_000
console.log(`${ids.length} batches completed in ${seconds.toFixed(1)} s`)
console.log(`${relayed} chunks brought back by the relay, ${repeated} deliveries of settled chunks`)

const faults = await checkLedger(postgres.url(), lines)
for (const fault of faults) console.error(`FAULT ${fault}`)
if (faults.length === 0) console.log('every level equals the plain sum; one movement a line')
process.exitCode = faults.length === 0 ? 0 : 1
