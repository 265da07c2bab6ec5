import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { findPromtool } from '../../src/deploy-tools.ts'
import { overlay } from './manifests.ts'

const run = promisify(execFile)
const production = overlay('production-keda')
const groups = production.of('PrometheusRule').flatMap(({ spec }) => spec.groups ?? [])
const rules = groups.flatMap(({ rules }) => rules ?? [])
const triggers = production.of('ScaledObject').flatMap(({ spec }) => spec.triggers)
const namespace = production.of('Namespace')[0]?.metadata.name

type Series = Record<string, string>
type Sample = { labels: string; value: number }

let folder: string
let promtool: string[]
beforeAll(async () => {
  promtool = await findPromtool()
  folder = await mkdtemp(join(tmpdir(), 'rules-'))
  await writeFile(join(folder, 'rules.yaml'), stringify({ groups }))
}, 300_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

const check = async (...args: string[]) => {
  const [command = '', ...before] = promtool
  return run(command, [...before, ...args], { cwd: folder })
}

let tests = 0
/** Has Prometheus evaluate an expression, minutes after series begin that have a sample every 15 s. */
const evaluate = async (series: Series, minutes: number, expr: string, expected: Sample[]) => {
  tests += 1
  const file = `test-${tests}.yaml`
  const content = {
    rule_files: ['rules.yaml'],
    evaluation_interval: '15s',
    tests: [
      {
        interval: '15s',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        promql_expr_test: [{ expr, eval_time: `${minutes}m`, exp_samples: expected }],
      },
    ],
  }
  await writeFile(join(folder, file), stringify(content))
  await check('test', 'rules', file).catch((error: { stdout: string; stderr: string }) => {
    throw new Error(`${error.stdout}${error.stderr}`)
  })
}

const firing = 'count by (alertname) (ALERTS{alertstate="firing"})'
const fires = (series: Series, minutes: number, ...alerts: string[]) =>
  evaluate(
    series,
    minutes,
    firing,
    alerts.map((name) => ({ labels: `{alertname="${name}"}`, value: 1 })),
  )

const at = `namespace="${namespace}"`
const api = `${at},pod="api-1",service="api"`
const worker = `${at},pod="worker-1",service="worker"`
const forever = (value: number) => `${value}x400`
/** A system in which all is well, and what differs from it. */
const wellBut = (differing: Series = {}): Series => ({
  [`inventoryrpa_pending_lines{${api},queue="apply"}`]: forever(100_000),
  [`inventoryrpa_due_lines{${api},queue="apply"}`]: forever(100_000),
  [`inventoryrpa_due_lines{${api},queue="sync"}`]: forever(30_000),
  [`inventoryrpa_due_lines{${api},queue="express"}`]: forever(90),
  [`inventoryrpa_oldest_pending_seconds{${api},queue="apply"}`]: forever(60),
  [`inventoryrpa_oldest_pending_seconds{${api},queue="sync"}`]: forever(90),
  [`inventoryrpa_oldest_pending_seconds{${api},queue="express"}`]: forever(1),
  [`inventoryrpa_drain_seconds{${api},queue="apply"}`]: forever(100),
  [`inventoryrpa_queue_held_seconds{${api},queue="inventory-apply"}`]: forever(0),
  [`inventoryrpa_queue_held_seconds{${api},queue="inventory-sync"}`]: forever(0),
  [`inventoryrpa_queue_jobs{${api},queue="inventory-apply",state="failed"}`]: forever(0),
  [`http_request_duration_seconds_count{${api},status="202"}`]: '0+1000x400',
  [`http_request_duration_seconds_count{${api},status="503"}`]: '0+1x400',
  [`process_start_time_seconds{${worker}}`]: forever(1_000),
  [`inventoryrpa_watchdog_seconds{${worker},queue="inventory-apply"}`]: '0 10 0x400',
  [`inventoryrpa_source_breaker{${worker},source="primary",state="open"}`]: '0 1 0x400',
  [`inventoryrpa_chunks_relayed_total{${worker}}`]: '0+0x20 100+0x400',
  [`inventoryrpa_webhook_attempts_total{${worker},outcome="delivered"}`]: '0+5x400',
  [`inventoryrpa_webhook_attempts_total{${worker},outcome="timeout"}`]: '0+5x400',
  [`inventoryrpa_webhooks_due_seconds{${api}}`]: '0 40x400',
  ...differing,
})

test('promtool accepts the rules', async () => {
  const { stdout } = await check('check', 'rules', 'rules.yaml')
  expect(stdout).toContain(`SUCCESS: ${rules.length} rules found`)
  expect(rules.length).toBeGreaterThan(8)
})

test('every alert has a severity, a summary and a section of the runbook', async () => {
  const runbook = await readFile(join(import.meta.dirname, '../../../../docs/runbook.md'), 'utf8')
  // As GitHub makes anchors of headings.
  const anchors = [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
  for (const { alert, labels, annotations } of rules) {
    expect(['warning', 'critical'], alert).toContain(labels?.severity)
    expect(annotations?.summary, alert).toBeTruthy()
    const [page, anchor] = (annotations?.runbook_url ?? '').split('#')
    expect(page, alert).toMatch(/\/docs\/runbook\.md$/)
    expect(anchors, alert).toContain(anchor)
  }
})

test('while all is well no alert fires', async () => {
  await fires(wellBut(), 40)
})

const faults: Record<string, { series: Series; minutes: number; also?: string[] }> = {
  InventoryRPABacklogOld: {
    series: { [`inventoryrpa_oldest_pending_seconds{${api},queue="sync"}`]: forever(700) },
    minutes: 6,
  },
  InventoryRPASmallBatchesWait: {
    series: { [`inventoryrpa_oldest_pending_seconds{${api},queue="express"}`]: forever(40) },
    minutes: 3,
  },
  InventoryRPANothingMoves: {
    series: { [`inventoryrpa_drain_seconds{${api},queue="apply"}`]: forever(86_400) },
    minutes: 6,
  },
  InventoryRPABacklogUnknown: {
    series: { [`inventoryrpa_pending_lines{${api},queue="apply"}`]: '100x10 stale' },
    minutes: 12,
  },
  InventoryRPAQueueHeld: {
    // Held for seconds at a time: most looks see it open again.
    series: {
      [`inventoryrpa_queue_held_seconds{${api},queue="inventory-sync"}`]: Array(80)
        .fill('5 0 0')
        .join(' '),
    },
    minutes: 15,
  },
  InventoryRPADeadLetters: {
    series: {
      [`inventoryrpa_queue_jobs{${api},queue="inventory-apply",state="failed"}`]: forever(1),
    },
    minutes: 6,
  },
  InventoryRPAWorkersRestart: {
    series: { [`process_start_time_seconds{${worker}}`]: '1x20 2x20 3x20 4x100' },
    minutes: 20,
  },
  InventoryRPANoWorkers: {
    series: { [`process_start_time_seconds{${worker}}`]: '1x10 stale' },
    minutes: 12,
  },
  InventoryRPAWorkerWedged: {
    series: {
      [`inventoryrpa_watchdog_seconds{${worker},queue="inventory-apply"}`]: '0 10 20 40x9',
    },
    minutes: 2,
  },
  InventoryRPASourceBreakerOpen: {
    series: {
      [`inventoryrpa_source_breaker{${worker},source="primary",state="open"}`]: forever(1),
    },
    minutes: 3,
  },
  InventoryRPAWebhooksFail: {
    series: {
      [`inventoryrpa_webhook_attempts_total{${worker},outcome="delivered"}`]: '100+0x400',
    },
    minutes: 22,
  },
  InventoryRPAWebhooksWait: {
    series: { [`inventoryrpa_webhooks_due_seconds{${api}}`]: '800+15x400' },
    minutes: 15,
  },
  InventoryRPAServerErrors: {
    series: { [`http_request_duration_seconds_count{${api},status="503"}`]: '0+100x400' },
    minutes: 7,
  },
  InventoryRPARelayBusy: {
    series: { [`inventoryrpa_chunks_relayed_total{${worker}}`]: '0+10x400' },
    minutes: 20,
  },
}

test('each alert has a fault that makes it fire', () => {
  expect(Object.keys(faults).toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted())
})

for (const [alert, { series, minutes }] of Object.entries(faults)) {
  test(`${alert} fires when that happens, and no other does`, async () => {
    await fires(wellBut(series), minutes, alert)
    const { for: pending } = rules.find((it) => it.alert === alert) ?? {}
    // What passes by itself wakes nobody.
    if (pending !== undefined) await fires(wellBut(series), 1)
  })
}

const queryOf = (name: string) => triggers.find((it) => it.name === name)?.metadata.query ?? ''
const value = (sample: number) => [{ labels: '{}', value: sample }]

test('KEDA sees the lines and the age of the large queues, of its namespace', async () => {
  expect(namespace).toBe('inventoryrpa')
  const elsewhere = {
    'inventoryrpa_due_lines{namespace="other",queue="apply"}': forever(1_000_000),
    'inventoryrpa_oldest_pending_seconds{namespace="other",queue="apply"}': forever(1_000),
    // Each API says the same of the whole system.
    [`inventoryrpa_due_lines{${at},pod="api-2",queue="apply"}`]: forever(100_000),
  }
  await evaluate(wellBut(elsewhere), 5, queryOf('backlog'), value(130_000))
  await evaluate(wellBut(elsewhere), 5, queryOf('oldest-age'), value(90))
})

test('KEDA leaves out a queue that is held, and wants none for nothing but that', async () => {
  const sync = `inventoryrpa_queue_held_seconds{${api},queue="inventory-sync"}`
  const apply = `inventoryrpa_queue_held_seconds{${api},queue="inventory-apply"}`
  const now = '0x12 5 0x6'
  await evaluate(wellBut({ [sync]: now }), 4, queryOf('backlog'), value(100_000))
  await evaluate(wellBut({ [sync]: now }), 4, queryOf('oldest-age'), value(60))
  const all = wellBut({ [sync]: now, [apply]: now })
  await evaluate(all, 4, queryOf('backlog'), value(0))
  await evaluate(all, 4, queryOf('oldest-age'), value(0))
})

test('KEDA is told nothing, not 0, while nothing is measured', async () => {
  const unmeasured = Object.fromEntries(
    Object.entries(wellBut()).filter(([name]) => !/due_lines|oldest_pending/.test(name)),
  )
  await evaluate(unmeasured, 5, queryOf('backlog'), [])
  await evaluate(unmeasured, 5, queryOf('oldest-age'), [])
})
