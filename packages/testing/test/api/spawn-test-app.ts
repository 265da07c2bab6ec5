import { join } from 'node:path'
import { type AppProcess, spawnApp } from '@inventoryrpa/local'
import { onTestFinished } from 'vitest'

const appsDir = join(import.meta.dirname, '..', '..', '..', '..', 'apps')

export const opsUser = 'operator'
export const opsPassword = 'for-tests-only'

/** A process of an app with this environment and free ports; it ends with the test at the latest. */
export const spawnTestApp = (
  app: 'api' | 'worker',
  env: Record<string, string | undefined>,
): AppProcess & { lines: string[] } => {
  const lines: string[] = []
  const started = spawnApp({
    name: app,
    entry: join(appsDir, app, 'main.ts'),
    env: {
      HOST: '127.0.0.1',
      PORT: '0',
      OPS_HOST: '127.0.0.1',
      OPS_PORT: '0',
      ...(app === 'api' && { OPS_USER: opsUser, OPS_PASSWORD: opsPassword }),
      ...env,
    },
    onLog: (line) => lines.push(line),
  })
  onTestFinished(async () => {
    await started.stop({ graceMs: 10_000 })
  })
  return { ...started, lines }
}
