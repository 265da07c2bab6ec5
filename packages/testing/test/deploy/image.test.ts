import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '@inventoryrpa/local'
import { getBatch, submitLines, until, untilCompleted } from '@inventoryrpa/testing'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type BuiltImage, buildImages, canBuildImages } from './build-image.ts'
import { rootDir, run } from './buildah.ts'
import { runContained, startContained } from './contained.ts'
import { freshServers, startFromImages } from './image-system.ts'
import { directDependencies } from './workspace-dependencies.ts'

const unable = !(await canBuildImages())

describe.skipIf(unable)('the image, built by root with buildah and mmdebstrap', () => {
  let images: Record<'app' | 'stock-source', BuiltImage>

  beforeAll(async () => {
    const built = await buildImages(['app', 'stock-source'])
    images = built.images
    return built.remove
  }, 600_000)

  const inApp = (...path: string[]) => join(images.app.root, 'app', ...path)
  const megabytes = async (folder: string) => {
    const [size] = (await run('du', ['--summarize', '--block-size=1M', folder])).split('\t')
    return Number(size)
  }

  test('is small', async () => {
    const ours = await megabytes(inApp())
    const all = await megabytes(images.app.root)
    console.log(`image: ${ours} MB of ours, ${all} MB with the stand-in of its base`)
    expect(ours).toBeLessThan(130)
  })

  test('holds what the apps depend on, and nothing that builds, tests or runs them elsewhere', async () => {
    const installed = new Set(
      (await readdir(inApp('node_modules/.pnpm'))).map((name) =>
        name.replace(/(?<=.)@.*/, '').replace('+', '/'),
      ),
    )
    expect(installed).toContain('bullmq')
    const { wanted, unwanted } = await directDependencies(['apps/api', 'apps/worker'])
    expect([...wanted].filter((name) => !installed.has(name))).toEqual([])
    expect([...unwanted].filter((name) => installed.has(name))).toEqual([])
    const rest = await run('find', [
      ...[inApp(), '-not', '-path', '*/node_modules/*', '(', '-path', '*/test/*'],
      ...['-o', '-path', '*/packages/testing', '-o', '-path', '*/packages/local', ')'],
    ])
    expect(rest).toBe('')
  })

  test('brings no package manager, and nothing of the machine that built it', async () => {
    const found = await run('find', [
      ...[images.app.root, '-xdev', '(', '-name', '.npmrc', '-o', '-name', 'npm', '-o'],
      ...['-name', 'pnpm', '-o', '-path', '*/run/secrets/*', ')'],
    ])
    expect(found).toBe('')
  })

  test('what Node compiles at a start is there, for the user it runs as', async () => {
    const { said } = await runContained(images.app, {
      args: ['apps/worker/main.ts'],
      env: { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
    })
    expect(said).toContain('cache was the same')
    expect(said).not.toContain('was not initialized')
  })

  test('the root cannot be written to, and no privilege is left or can be had', async () => {
    const { code, said } = await runContained(images.app, {
      command: ['sh', '-c', 'cat /proc/self/status; echo > /app/written || echo > /tmp/written'],
    })
    expect(code).not.toBe(0)
    expect(said.match(/Read-only file system/g)).toHaveLength(2)
    expect(said).toMatch(/^Uid:\t10001\t10001\t10001\t10001$/m)
    expect(said).toMatch(/^CapBnd:\t0+$/m)
  })

  test('migrates, accepts, applies and syncs, and every process ends with 0 on SIGTERM', async () => {
    const system = await startFromImages(images)
    const [id = ''] = await submitLines(system, [
      { type: 'adjustment', sku: 'sku-1', location: 'here', quantity: 5 },
      { type: 'sync', sku: '85123A', location: 'France' },
    ])
    await untilCompleted(system, id)
    expect((await getBatch(system, id)).counts).toMatchObject({ total: 2, applied: 2 })
    const levels = await readFile(join(rootDir, 'examples/stock-source/levels.csv'), 'utf8')
    const [, known] = /^85123A,France,(\d+),/m.exec(levels) ?? []
    const stock = await system.call('/v1/stock?sku=85123A&location=France')
    expect(await stock.json()).toMatchObject({ items: [{ onHand: known }] })

    for (const process of system.processes) {
      const status = await readFile(`/proc/${await process.pid()}/status`, 'utf8')
      expect(status).toMatch(/^NSpid:\t\d+\t1$/m)
      expect(status).toMatch(/^Uid:\t10001\t10001\t10001\t10001$/m)
      expect(status).toMatch(/^NoNewPrivs:\t1$/m)
      expect(await process.stop(), process.lines.slice(-5).join('\n')).toBe(0)
    }
  }, 90_000)

  test('the health check tells an app that lives from one that does not', async () => {
    const opsPort = String(await freePort())
    const env = { ...(await freshServers()), OPS_PORT: opsPort }
    const worker = startContained(images.app, { args: ['apps/worker/main.ts'], env })
    onTestFinished(worker.kill)
    const check = async () => {
      const [kind, ...command] = images.app.config.Healthcheck.Test
      expect(kind).toBe('CMD')
      return (await runContained(images.app, { command, env })).code
    }
    await until(async () => (await check()) === 0, {
      timeoutMs: 30_000,
      describe: 'a worker that lives, even on a database that is not migrated',
    })
    await worker.stop()
    expect(await check()).toBe(1)
  }, 60_000)
})
