export { findChromium, openBrowser } from './browser.ts'
export { checkLedger } from './check-ledger.ts'
export { type FaultProxy, startProxy } from './fault-proxy.ts'
export { type FaultReport, importWithFaults } from './import-with-faults.ts'
export { startMigratedPostgres } from './migrated-postgres.ts'
export { type CheckedOut, checkOut, findOlderRelease } from './older-release.ts'
export { type PostgresServer, startPostgres, volatileSettings } from './postgres-server.ts'
export { findRedis } from './redis-binary.ts'
export { redisCommand } from './redis-command.ts'
export { type Redis, startRedis } from './redis-server.ts'
export { refusePoison } from './refuse-poison.ts'
export { type MemoryWatch, watchMemory } from './resident-memory.ts'
export { findContractions, readSchema } from './schema-changes.ts'
export { getBatch, submitLines, untilCompleted } from './submit-lines.ts'
export { createTestDatabase, type TestDatabase } from './test-database.ts'
export { type TestRedis, testRedis } from './test-redis.ts'
export { startTestSystem, type TestSystem, type TestSystemOptions } from './test-system.ts'
export { until } from './until.ts'
export {
  onlineRetailQuery,
  type RepeatedFile,
  repeatOnlineRetail,
  upload,
} from './upload-online-retail.ts'
