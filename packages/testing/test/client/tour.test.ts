import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { useSystem } from '../api/shared-system.ts'
import { breakSku } from '../system/break-sku.ts'
import { startReceiver } from '../system/webhook-receiver.ts'
import { root } from './command.ts'

const system = useSystem({
  env: { JOB_ATTEMPTS: '1', JOB_BACKOFF_MS: '10', WEBHOOK_ALLOWED_HOSTS: '127.0.0.1' },
})

const installed = join(root, 'packages', 'client', 'node_modules')

const run = async (file: string, args: string[], options: { cwd: string; env?: object }) => {
  const child = promisify(execFile)(file, args, {
    cwd: options.cwd,
    env: { PATH: '/usr/bin:/bin', ...options.env },
    maxBuffer: 1 << 26,
  })
  const { stdout } = await child.catch((error) => {
    throw new Error(`${error.stdout}\n${error.stderr}`, { cause: error })
  })
  return stdout
}

test("a client generated from the API's document, and nothing of ours, completes the whole tour", async () => {
  const poison = await breakSku(system.databaseUrl)
  onTestFinished(() => poison.disconnect())
  const receiver = await startReceiver()

  const data = join(root, '.data')
  await mkdir(data, { recursive: true })
  const folder = await mkdtemp(join(data, 'tour-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'node_modules', '@types'), { recursive: true })
  for (const [name, from] of [
    ['openapi-fetch', join(installed, 'openapi-fetch')],
    ['@types/node', join(root, 'node_modules', '@types', 'node')],
  ] as const) {
    await symlink(from, join(folder, 'node_modules', name))
  }
  await copyFile(join(import.meta.dirname, 'tour', 'tour-main.ts'), join(folder, 'tour.ts'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        ...{ strict: true, noEmit: true, module: 'nodenext', target: 'esnext' },
        ...{ allowImportingTsExtensions: true, types: ['node'], skipLibCheck: true },
      },
      include: ['*.ts'],
    }),
  )
  const generator = join(installed, 'openapi-typescript', 'bin', 'cli.js')
  await run(process.execPath, [generator, `${system.apiUrl}/openapi.json`, '-o', 'api.ts'], {
    cwd: folder,
  })
  await run(join(root, 'node_modules', '.bin', 'tsc'), ['--project', folder], { cwd: folder })
  const env = { API_URL: system.apiUrl, ADMIN_KEY: system.apiKey, WEBHOOK_URL: receiver.url }
  const said = await run(process.execPath, ['tour.ts'], { cwd: folder, env })
  expect(said).toBe('the tour is complete\n')
  await expect.poll(() => receiver.hits.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2)
}, 180_000)
