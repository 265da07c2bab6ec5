import { spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@inventoryrpa/client'
import { readOnlineRetailDay, sumByKey } from '@inventoryrpa/local'
import { until } from '@inventoryrpa/testing'
import { expect, onTestFinished, test } from 'vitest'
import { useSystem } from '../api/shared-system.ts'
import { type CommandOptions, root, startCommand } from './command.ts'

const system = useSystem()

const day = join(root, 'examples', 'online-retail', '2010-12-01.csv')
const asSales = [
  ...['--negate', '--negative-stock', 'allow', '--set', 'reason=sale'],
  ...['--map', 'sku=StockCode,location=Country,quantity=Quantity'],
  ...['--map', 'observedAt=InvoiceDate,reference=InvoiceNo'],
]

/** Somebody with a stock of their own. */
const newTenant = async () => {
  const tenant = `tenant-${crypto.randomUUID()}`
  const { key } = await system.createKey({ tenant })
  const envOf = (apiKey: string) => ({
    INVENTORYRPA_URL: system.apiUrl,
    INVENTORYRPA_API_KEY: apiKey,
  })
  return {
    tenant,
    client: createClient({ baseUrl: system.apiUrl, apiKey: key }),
    start: (args: string[], options: CommandOptions = {}) =>
      startCommand(args, { env: envOf(key), ...options }),
    run: (args: string[], options: CommandOptions = {}) =>
      startCommand(args, { env: envOf(key), ...options }).ended,
    runAs: (apiKey: string, args: string[]) => startCommand(args, { env: envOf(apiKey) }).ended,
  }
}

const tempFile = async (name: string, content: string) => {
  const folder = await mkdtemp(join(tmpdir(), 'inventoryrpa-command-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, name), content)
  return join(folder, name)
}

const sumOfDay = async () => Object.fromEntries(sumByKey(await readOnlineRetailDay(day)))

const stockOf = async ({ run }: Awaited<ReturnType<typeof newTenant>>) => {
  const { stdout } = await run(['stock', '--json'])
  const levels = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  return Object.fromEntries(levels.map((it) => [`${it.sku}\t${it.location}`, Number(it.onHand)]))
}

test('a real file is accepted as it is in a pipe, and the stock is the plain sum', async () => {
  const tenant = await newTenant()
  const submit = ['submit', day, '--wait', '--json', ...asSales]
  const { code, stdout, stderr } = await tenant.run(submit)
  expect(code, stderr).toBe(0)
  const batch = JSON.parse(stdout)
  expect(batch).toMatchObject({ state: 'completed', counts: { total: 3_108, applied: 3_108 } })
  expect(stderr).toMatch(/^sending {2}0\.3\/0\.3 MB/m)
  expect(stderr).toMatch(/^lines {2}3,108\/3,108 lines {2}[\d,]+\/s$/m)
  // No control character.
  expect(stderr).not.toContain('\u001b')
  expect(await stockOf(tenant)).toEqual(await sumOfDay())

  const again = await tenant.run(submit)
  expect(JSON.parse(again.stdout).id).toBe(batch.id)
  expect(again.stderr).toContain('was sent before with the same options')
  expect(await stockOf(tenant)).toEqual(await sumOfDay())
}, 60_000)

test('on a terminal a bar shows rate and time left', async ({ skip }) => {
  if (spawnSync('script', ['--version']).status !== 0) return skip('there is no script(1) here')
  const tenant = await newTenant()
  const submit = ['submit', day, '--wait', ...asSales]
  const { code, stdout } = await tenant.run(submit, { terminal: true })
  expect(code, stdout).toBe(0)
  expect(stdout).toMatch(/lines {2}█+ {2}100% {2}3,108\/3,108 lines {2}[\d,]+\/s/)
  expect(stdout).toContain('s left')
  expect(stdout).toContain('3108 applied')
  expect(await stockOf(tenant)).toEqual(await sumOfDay())
}, 60_000)

test('standard input is sent like a file, compressed or not', async () => {
  const tenant = await newTenant()
  const plain = { input: await readFile(day) }
  const first = await tenant.run(['submit', '-', '--format', 'csv', '--wait', ...asSales], plain)
  expect(first.code, first.stderr).toBe(0)
  const packed = spawnSync('gzip', ['-c', day], { maxBuffer: 1 << 24 }).stdout
  const args = ['submit', '-', '--format', 'csv', '--gzip', '--wait', ...asSales]
  const second = await tenant.run(args, { input: packed })
  expect(second.code, second.stderr).toBe(0)
  const doubled = Object.entries(await sumOfDay()).map(([level, sum]) => [level, 2 * sum])
  expect(await stockOf(tenant)).toEqual(Object.fromEntries(doubled))
}, 60_000)

test('the exit code tells what became of the lines, and the report how to go on', async () => {
  const tenant = await newTenant()
  const file = await tempFile('some.csv', 'sku,location,quantity\na,here,1\nb,here,-1\n')
  const { code, stderr, stdout } = await tenant.run(['submit', file, '--wait'])
  expect(code).toBe(2)
  expect(stdout).toMatch(/^lines {6}2: 1 applied, 1 rejected$/m)
  const [id] = /[0-9a-f-]{36}/.exec(stdout) ?? ['']
  expect(stderr).toContain(`inventoryrpa report ${id} --outcome rejected -o report.csv`)
  const report = await tempFile('report.csv', '')
  expect((await tenant.run(['report', id, '--outcome', 'rejected', '-o', report])).code).toBe(0)
  const corrected = (await readFile(report, 'utf8')).replace(',-1,', ',1,')
  await writeFile(report, corrected)
  expect((await tenant.run(['submit', report, '--wait'])).code).toBe(0)
  expect(await stockOf(tenant)).toEqual({ 'a\there': 1, 'b\there': 1 })
  expect((await tenant.run(['status', id])).code).toBe(0)
  expect((await tenant.run(['status', id, '--wait'])).code).toBe(2)
  const movements = await tenant.run(['movements', 'a'])
  expect(movements.stdout).toMatch(/here +1 +1/)
}, 60_000)

test('a preview prints a plan and its hash, which apply takes; reverse takes it back', async () => {
  const tenant = await newTenant()
  const lines = [{ type: 'adjustment', sku: 'a', location: 'here', quantity: 4 }]
  const file = await tempFile('batch.json', JSON.stringify({ lines }))
  const preview = await tenant.run(['preview', file])
  expect(preview.code, preview.stderr).toBe(0)
  expect(preview.stdout).toContain('0 → 4')
  const [, id = ''] = /^batch +(\S+)$/m.exec(preview.stdout) ?? []
  const [, hash = ''] = /^plan hash +(\S+)$/m.exec(preview.stdout) ?? []
  const wrong = await tenant.run(['apply', id, '--plan-hash', '0'.repeat(64)])
  expect(wrong).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('The plan is not the one'),
  })
  expect((await tenant.run(['apply', id])).stderr).toContain('--plan-hash')
  const applied = await tenant.run(['apply', id, '--plan-hash', hash, '--wait'])
  expect(applied.code, applied.stderr).toBe(0)
  const reversed = await tenant.run(['reverse', id, '--wait', '--json'])
  expect(JSON.parse(reversed.stdout)).toMatchObject({ reverses: id, counts: { applied: 1 } })
  expect(await stockOf(tenant)).toEqual({ 'a\there': 0 })
}, 60_000)

test('a guarded batch awaits another key, which the command makes', async () => {
  const tenant = await newTenant()
  await tenant.client.setGuard({ maxUnits: 10 })
  const file = await tempFile('many.csv', 'sku,location,quantity\na,here,11\n')
  const parked = await tenant.run(['submit', file, '--wait'])
  expect(parked).toMatchObject({ code: 3, stdout: expect.stringContaining('awaiting approval') })
  const [, id = ''] = /^batch +(\S+)$/m.exec(parked.stdout) ?? []
  expect((await tenant.run(['approve', id])).code).toBe(1)
  const scopes = ['--scope', 'batches:approve', 'batches:read']
  const made = await tenant.run(['keys', 'create', 'second', ...scopes, '--json'])
  const { key, id: keyId } = JSON.parse(made.stdout)
  const approved = await tenant.runAs(key, ['approve', id, '--wait'])
  expect(approved.code, approved.stderr).toBe(0)
  expect((await tenant.run(['keys', 'list'])).stdout).toContain(keyId)
  const rotated = await tenant.run(['keys', 'rotate', keyId, '--grace', '0', '--json'])
  expect(JSON.parse(rotated.stdout).key).not.toBe(key)
  expect((await tenant.run(['keys', 'revoke', keyId])).code).toBe(0)
}, 60_000)

test('Ctrl-C leaves the batch alone and says how to go on', async () => {
  const tenant = await newTenant()
  const later = new Date(Date.now() + 3_600_000).toISOString()
  const file = await tempFile('later.csv', 'sku,location,quantity\na,here,1\n')
  const running = tenant.start(['submit', file, '--wait', '--not-before', later])
  await until(() => running.stderr().includes('lines'), { describe: 'the batch is followed' })
  running.interrupt()
  const { code, stderr } = await running.ended
  expect(code).toBe(130)
  const [, id = ''] = /inventoryrpa status (\S+) --wait/.exec(stderr) ?? []
  expect((await tenant.client.batch(id)).state).toBe('accepted')
  expect((await tenant.run(['cancel', id])).code).toBe(0)
  expect((await tenant.run(['status', id, '--wait'])).code).toBe(3)
  const events = await tenant.run(['events', id, '--json'])
  expect(events.stdout).toContain('"batch.cancelled"')
}, 60_000)

test('what is wrong is said with what is allowed, and nothing is a stack trace', async () => {
  const tenant = await newTenant()
  const csv = await tempFile('x.csv', 'sku,amount\na,1\n')
  const cases: [string[], number, RegExp][] = [
    [['submit', 'absent.csv'], 1, /^error: there is no file absent\.csv$/m],
    [['submit', csv], 1, /there is no column "location" for location/],
    [['submit', csv, '--map', 'size=Size'], 1, /FIELD of type, sku, location/],
    [['submit', '-'], 1, /give --format csv, ndjson, json/],
    [['statsu', 'x'], 1, /Did you mean status/],
    [['status', 'x'], 1, /error: The request is not valid.*\n {2}\/id/],
    [['redrive'], 1, /--fingerprint, --batch, --id or --all/],
    [
      ['status', 'x', '--url', 'ftp://x'],
      1,
      /--url is "ftp:\/\/x": it must be an http or https URL/,
    ],
  ]
  for (const [args, expected, message] of cases) {
    const { code, stderr } = await tenant.run(args)
    expect(stderr, args.join(' ')).toMatch(message)
    expect(stderr).not.toContain('    at ')
    expect(code, args.join(' ')).toBe(expected)
  }
  const unknown = await tenant.runAs('irpa_000000000000_x', ['stock', '--json'])
  expect(JSON.parse(unknown.stderr)).toMatchObject({ code: 'unauthorized', status: 401 })
}, 60_000)

test('the address and key of a local system are found upwards, if nobody else can read them', async () => {
  const tenant = await newTenant()
  const path = await tempFile('dev', '')
  const folder = join(path, '..')
  await mkdir(join(folder, '.data'))
  await mkdir(join(folder, 'deep'))
  const settings = join(folder, '.data', 'dev.json')
  const { key: apiKey } = await system.createKey({ tenant: tenant.tenant })
  await writeFile(settings, JSON.stringify({ apiUrl: system.apiUrl, apiKey }), { mode: 0o600 })
  const found = { env: {}, cwd: join(folder, 'deep') }
  expect(await tenant.run(['stock'], found)).toMatchObject({ code: 0, stderr: 'none\n' })
  await chmod(settings, 0o644)
  expect(await tenant.run(['stock'], found)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('for nobody else to read'),
  })
  const elsewhere = { env: { INVENTORYRPA_URL: 'http://127.0.0.1:9' }, cwd: found.cwd }
  expect((await tenant.run(['stock'], elsewhere)).stderr).toContain('no API key for')
}, 60_000)

test('an API that cannot be reached has an exit code of its own', async () => {
  const { code, stderr } = await startCommand([
    'stock',
    '--url',
    'http://127.0.0.1:9',
    '--key',
    'k',
    '--retries',
    '1',
  ]).ended
  expect(code).toBe(4)
  expect(stderr).toContain('http://127.0.0.1:9 did not answer')
  expect(stderr).toContain('the address came from --url')
}, 60_000)

test.for(['bash', 'zsh', 'fish'])('completion for %s is printed', async (shell) => {
  const { code, stdout } = await startCommand(['completion', shell]).ended
  expect(code).toBe(0)
  expect(stdout).toContain('inventoryrpa')
})

test('commands, their options and choices are completed', async () => {
  const complete = async (...words: string[]) =>
    (await startCommand(['complete', '--', ...words]).ended).stdout
  expect(await complete('sub')).toMatch(/^submit\t/m)
  expect(await complete('keys', '')).toMatch(/^rotate\t/m)
  expect(await complete('apply', '--on-conflict', '')).toMatch(/^rebase/m)
})
