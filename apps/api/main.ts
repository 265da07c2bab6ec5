import { ConfigError } from '@inventoryrpa/contracts'
import { startErrorReporting } from '@inventoryrpa/observability'
import closeWithGrace from 'close-with-grace'
import { readConfig } from './config.ts'

const shutdownGraceMs = 10_000

try {
  const config = readConfig(process.env)
  const reporting = await startErrorReporting({
    dsn: config.SENTRY_DSN,
    environment: config.SENTRY_ENVIRONMENT,
    service: 'api',
  })
  // Only now: error reporting instruments what is imported after it.
  const { startServer } = await import('./server.ts')
  const server = await startServer(config, reporting, { pretty: process.stdout.isTTY })

  closeWithGrace({ delay: shutdownGraceMs, logger: false }, async ({ signal, err }) => {
    if (err) {
      server.logger.fatal({ err }, 'stopping after an error nobody caught')
      reporting.report(err, {})
    } else server.logger.info({ signal }, 'stopping')
    await server.close()
    await reporting.close(2_000)
  })
  // The supervisor that started this process is gone.
  const stop = () => process.kill(process.pid, 'SIGTERM')
  process.once('disconnect', stop)
  // It went while this one started.
  if (process.connected === false) stop()
  process.send?.({ type: 'ready', publicUrl: server.publicUrl, opsUrl: server.opsUrl })
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : error)
  process.exit(1)
}
