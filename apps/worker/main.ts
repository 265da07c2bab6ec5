import { constants, getPriority, hostname, setPriority } from 'node:os'
import { ConfigError } from '@inventoryrpa/contracts'
import { startErrorReporting } from '@inventoryrpa/observability'
import closeWithGrace from 'close-with-grace'
import { readConfig } from './config.ts'

/** What closing the connections may take beyond the grace for the chunks in hand. */
const closingMs = 5_000
/** EX_SOFTWARE of sysexits.h, which nothing else ends with: wedged, start another. */
const wedgedExitCode = 70

try {
  const config = readConfig(process.env)
  // Where cores are scarce, small batches go before large ones in the scheduler as well.
  if (!config.WORKER_QUEUES.includes('express')) {
    setPriority(Math.max(getPriority(), constants.priority.PRIORITY_BELOW_NORMAL))
  }
  const reporting = await startErrorReporting({
    dsn: config.SENTRY_DSN,
    environment: config.SENTRY_ENVIRONMENT,
    service: 'worker',
  })
  // Only now: error reporting instruments what is imported after it.
  const { startWorker } = await import('./worker.ts')
  const worker = await startWorker(config, reporting, {
    pretty: process.stdout.isTTY,
    name: `${hostname()}-${process.pid}`,
    // What is in hand cannot be finished: it goes to another worker once its lock is over.
    onWedged: async (error) => {
      reporting.report(error, {})
      await reporting.close(2_000).catch(() => undefined)
      process.exit(wedgedExitCode)
    },
  })

  closeWithGrace(
    { delay: config.SHUTDOWN_GRACE_MS + closingMs, logger: false },
    async ({ signal, err }) => {
      if (err) {
        worker.logger.fatal({ err }, 'stopping after an error nobody caught')
        reporting.report(err, {})
      } else worker.logger.info({ signal }, 'stopping')
      await worker.close()
      await reporting.close(2_000)
    },
  )
  // The supervisor that started this process is gone.
  const stop = () => process.kill(process.pid, 'SIGTERM')
  process.once('disconnect', stop)
  // It went while this one started.
  if (process.connected === false) stop()
  process.send?.({ type: 'ready', opsUrl: worker.opsUrl })
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : error)
  process.exit(1)
}
