const batchId = '0199d6a5-5a2e-7c31-9d42-8f6a1b2c3d4e'
const otherId = '0199d6a6-1b7f-7e02-8c55-2a3b4c5d6e7f'
const at = '2026-11-24T08:00:00.000Z'
const later = '2026-11-24T08:00:01.250Z'
const level = { sku: '85123A', location: 'United Kingdom' }
const fingerprint = '23514:Leeds:ledger'

const batch = {
  id: batchId,
  reference: '2010-12-01',
  mode: 'apply',
  negativeStock: 'allow',
  priority: 'normal',
  notBefore: null,
  state: 'completed',
  counts: { total: 2, pending: 0, applied: 1, rejected: 1, held: 0, dead: 0, cancelled: 0 },
  planHash: null,
  guardFindings: null,
  decision: null,
  cancelRequestedAt: null,
  reverses: null,
  submittedBy: '3f9c0a51be27',
  createdAt: at,
  completedAt: later,
}
const attempt = {
  attempt: 3,
  class: 'transient',
  code: '23514',
  message: 'new row violates check constraint',
  worker: 'worker-1',
  startedAt: at,
  seconds: 0.041,
}
const delivery = {
  id: otherId,
  batchId,
  type: 'batch.completed',
  url: 'https://example.com/hooks/inventory',
  state: 'delivered',
  attempts: 1,
  nextAttemptAt: null,
  expiresAt: '2026-11-25T08:00:01.250Z',
  createdAt: later,
  settledAt: '2026-11-24T08:00:01.600Z',
}
const completed = { id: '42', type: 'batch.completed', timestamp: later, data: batch }

/** Of what is answered, by the name of its schema. What is sent has its examples in its schema. */
const examples: Readonly<Record<string, unknown>> = {
  Batch: batch,
  LineOutcome: {
    line: 1,
    outcome: 'applied',
    code: null,
    detail: null,
    type: 'adjustment',
    ...level,
    reference: '536365',
    movements: [{ location: level.location, quantity: '-6', onHandAfter: '-6' }],
  },
  PlannedLine: {
    line: 1,
    outcome: 'applied',
    code: null,
    detail: null,
    type: 'adjustment',
    ...level,
    reference: '536365',
    movements: [{ location: level.location, quantity: '-6', before: '0', after: '-6', version: 0 }],
  },
  StockLevel: { ...level, onHand: '-6', version: 1, updatedAt: later },
  Movement: {
    batchId,
    line: 1,
    type: 'adjustment',
    ...level,
    quantity: '-6',
    onHandAfter: '-6',
    version: 1,
    reason: 'sale',
    reference: '536365',
    source: null,
    occurredAt: '2010-12-01T08:26:00.000Z',
    recordedAt: later,
  },
  DeadLetterGroup: {
    fingerprint,
    code: '23514',
    message: attempt.message,
    lines: 1,
    firstDeadAt: later,
    lastDeadAt: later,
  },
  DeadLetter: {
    id: `${batchId}-7`,
    batchId,
    line: 1,
    type: 'adjustment',
    ...level,
    reference: null,
    fingerprint,
    code: '23514',
    message: attempt.message,
    deadAt: later,
    attempts: [attempt],
  },
  Redrive: {
    id: otherId,
    state: 'running',
    redriven: 1,
    limit: 1_000_000,
    createdAt: later,
    endedAt: null,
  },
  Discrepancy: {
    id: otherId,
    kind: 'source',
    ...level,
    expected: '12',
    found: '10',
    source: { name: 'primary', asOf: at, failedOverBecause: null },
    batchId,
    line: 1,
    ageSeconds: 60,
    openedAt: later,
    owner: null,
    acknowledgedAt: null,
    recounts: 0,
    resolvedAt: null,
    resolution: null,
    recountBatchId: null,
  },
  Schedule: {
    name: 'nightly',
    everySeconds: null,
    cron: '0 3 * * *',
    timeZone: 'Europe/London',
    location: null,
    createdAt: at,
    lastBatchId: batchId,
  },
  WebhookDelivery: delivery,
  WebhookDeliveryWithLog: {
    ...delivery,
    log: [{ attempt: 1, status: 204, error: null, seconds: 0.12, attemptedAt: later }],
    payload: JSON.stringify(completed),
  },
  WebhookSecret: { secret: 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD', formerSignsUntil: null },
}

const pageSuffix = 'Page'

/** Gives each schema its example, and each list the one of its items. */
export const withExamples = <T extends Record<string, unknown>>(schemas: T): T => {
  const exampleOf = (name: string): unknown =>
    examples[name] ?? (schemas[name] as { examples?: unknown[] } | undefined)?.examples?.[0]
  const described = Object.entries(schemas).map(([name, schema]) => {
    const isPage = name.endsWith(pageSuffix)
    const item = isPage ? exampleOf(name.slice(0, -pageSuffix.length)) : undefined
    const example = isPage ? item && { items: [item], nextCursor: null } : examples[name]
    return [name, example ? { ...(schema as object), examples: [example] } : schema]
  })
  return Object.fromEntries(described)
}
