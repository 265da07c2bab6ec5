import { expect, test } from 'vitest'
import { parseExposition, type Scrape } from '../autoscaling/exposition.ts'
import {
  isActive,
  measureTrigger,
  type PrometheusTrigger,
  replicasForTriggers,
} from '../autoscaling/keda.ts'
import { evaluate } from '../autoscaling/promql.ts'

const exposition = `# HELP inventoryrpa_pending_lines Lines accepted and not settled
# TYPE inventoryrpa_pending_lines gauge
inventoryrpa_pending_lines{queue="apply",service="api"} 120000
inventoryrpa_pending_lines{queue="express",service="api"} 30
inventoryrpa_pending_lines{queue="sync",service="api"} 20000
process_cpu_seconds_total{service="api"} 1.5e1
`
/** A minute ago the queue of syncs was held. */
const scrapes: Scrape[] = [
  { at: 0, samples: parseExposition('held_seconds{queue="inventory-sync"} 5') },
  { at: 60, samples: parseExposition(`${exposition}held_seconds{queue="inventory-sync"} 0`) },
]
const valuesOf = (query: string) => evaluate(query, scrapes).map(({ value }) => value)

const trigger = (of: Partial<PrometheusTrigger>): PrometheusTrigger => ({
  query: 'sum(inventoryrpa_pending_lines)',
  threshold: 50_000,
  activationThreshold: 0,
  ignoreNullValues: true,
  metricType: 'AverageValue',
  ...of,
})

test.for([
  ['process_cpu_seconds_total', [15]],
  ['inventoryrpa_pending_lines{queue="sync"}', [20_000]],
  ['inventoryrpa_pending_lines{queue!="sync", namespace="inventoryrpa"}', [120_000, 30]],
  ['sum(inventoryrpa_pending_lines{queue=~"apply|sync"})', [140_000]],
  ['inventoryrpa_pending_lines{queue!~"a.*"}', [30, 20_000]],
  ['sum(max by (queue) (inventoryrpa_pending_lines))', [140_030]],
  ['avg without (queue, service) (inventoryrpa_pending_lines{queue!="express"})', [70_000]],
  ['min(inventoryrpa_pending_lines) / 10 + 1', [4]],
  ['absent_metric or vector(7)', [7]],
  ['absent_metric', []],
  ['inventoryrpa_pending_lines > 100', [120_000, 20_000]],
  ['100 * sum(inventoryrpa_pending_lines) - 100', [14_002_900]],
  ['held_seconds > 0', []],
  ['max_over_time(held_seconds[2m]) > 0', [5]],
  ['max_over_time(held_seconds[30s]) > 0', []],
  [
    `sum(inventoryrpa_pending_lines unless on (queue) label_replace(
       max_over_time(held_seconds[1h1m]) > 0, "queue", "$1", "queue", "inventory-(.+)"))`,
    [120_030],
  ],
] as const)('%s is evaluated as Prometheus does', ([query, expected]) => {
  expect(valuesOf(query)).toEqual(expected)
})

test.for([
  'rate(process_cpu_seconds_total[1m])',
  'topk(1, a)',
  'a and b',
  'a / b',
  'max(',
  'a unless ignoring (b) c',
])('%s, beyond what is evaluated here, is an error and no number', (query) => {
  expect(() => evaluate(query, scrapes)).toThrow('not simulated here')
})

test('a trigger is one value; without an answer 0 or, if so wanted, an error', () => {
  expect(measureTrigger(trigger({}), scrapes)).toBe(140_030)
  expect(measureTrigger(trigger({ query: 'absent' }), scrapes)).toBe(0)
  expect(measureTrigger(trigger({ query: 'absent', ignoreNullValues: false }), scrapes)).toBe(
    undefined,
  )
  expect(() => measureTrigger(trigger({ query: 'inventoryrpa_pending_lines' }), scrapes)).toThrow(
    'KEDA takes one value, not 3',
  )
})

test('the most of all triggers is asked for', () => {
  const triggers = [trigger({}), trigger({ threshold: 60 })]
  const counts = { current: 2, ready: 2 }
  expect(replicasForTriggers(triggers, counts, [140_030, 30])).toBe(3)
  expect(replicasForTriggers(triggers, counts, [140_030, 300])).toBe(5)
  expect(replicasForTriggers(triggers, counts, [0, 0])).toBe(0)
  expect(replicasForTriggers([trigger({ metricType: 'Value' })], counts, [150_000])).toBe(6)
})

test('what cannot be measured takes nothing away', () => {
  const triggers = [trigger({}), trigger({ threshold: 60 })]
  expect(replicasForTriggers(triggers, { current: 8, ready: 8 }, [undefined, 30])).toBe(8)
  expect(replicasForTriggers(triggers, { current: 8, ready: 8 }, [undefined, 600])).toBe(10)
})

test("the example of KEDA's documentation: 40 messages are 4 replicas of 10, but nothing above an activation of 50", () => {
  const messages = trigger({ threshold: 10, activationThreshold: 50 })
  expect(replicasForTriggers([messages], { current: 1, ready: 1 }, [40])).toBe(4)
  expect(isActive([messages], [40])).toBe(false)
  expect(isActive([messages], [51])).toBe(true)
})
