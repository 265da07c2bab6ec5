import type { BatchState, Guard, LineField, Outcome, QueueKind } from '@inventoryrpa/contracts'
import type { ColumnType, Generated } from 'kysely'

type LineType = 'adjustment' | 'count' | 'transfer' | 'sync'
/** numeric(18, 3), as the driver reads and writes it: a decimal string with three places. */
type Decimal = string
/** What the guard looks at, of one chunk's plan. */
export type PlanTotals = {
  units: Decimal
  value: Decimal
  /** The largest change of one level, in percent of what it was. */
  percent: number
  levels: number
  /** Levels above zero that the plan takes to zero or below. */
  zeroed: number
}
/** A line as its sender may correct it and send it again. */
export type Given = Partial<Record<LineField, string | number>>
type CreatedAt = ColumnType<Date, never, never>

export type Schema = {
  tenants: {
    id: Generated<number>
    name: string
    created_at: CreatedAt
    weight: Generated<number>
    guard: ColumnType<Guard | null, string | null, string | null>
    /** Standard Webhooks: whsec_ and base64. */
    webhook_secret: string | null
    webhook_secret_before: string | null
    webhook_secret_before_until: Date | null
  }
  api_keys: {
    id: string
    tenant_id: number
    name: string
    secret_sha256: Buffer
    scopes: string[]
    created_at: CreatedAt
    revoked_at: Date | null
    last_used_at: Date | null
    /** Of a key that was rotated: its former secret, for a while. */
    secret_before_sha256: Buffer | null
    secret_before_until: Date | null
  }
  batches: {
    id: string
    tenant_id: number
    reference: string | null
    mode: 'apply' | 'preview'
    negative_stock: 'reject' | 'allow'
    state: BatchState
    total: number
    pending: number
    applied: number
    rejected: number
    held: number
    dead: number
    cancelled: number
    created_at: CreatedAt
    completed_at: Date | null
    verify: Generated<boolean>
    priority: Generated<'low' | 'normal' | 'high'>
    not_before: Date | null
    /** The key or the token's subject. */
    submitted_by: string | null
    callback_url: string | null
    /** Of one that is applied by a plan: what becomes of lines whose level moved since. */
    on_conflict: 'rebase' | 'reject' | null
    plan_sha256: Buffer | null
    /** The limits that its plan exceeds. */
    guard_findings: ColumnType<string[] | null, string | null, string | null>
    decision: 'approve' | 'reject' | null
    decided_by: string | null
    decided_at: Date | null
    /** When cancelling was asked for. */
    cancelled_at: Date | null
    reverses_id: string | null
    /** Lines of an upload that could not be read: rejected when it was accepted. */
    invalid_lines: Generated<number>
  }
  chunks: {
    batch_id: string
    chunk: number
    line_count: number
    lines: Buffer
    created_at: CreatedAt
    settled_at: Date | null
    dead_at: Date | null
    error: string | null
    /** `parked`: planned, and waiting to be applied. */
    queue: Generated<QueueKind | 'parked'>
    not_before: Date | null
    plan_sha256: Buffer | null
    plan_totals: ColumnType<PlanTotals | null, string | null, string | null>
    /** The chunk that was split into this one and another. */
    parent: number | null
    split_at: Date | null
    /** Perhaps what ended a worker: applied alone. */
    suspect: Generated<boolean>
    error_code: string | null
    fingerprint: string | null
    /** Lines whose stock source was too stale. */
    held: Generated<number>
    redrive_id: string | null
  }
  idempotency_keys: {
    tenant_id: number
    key: string
    body_sha256: Buffer
    batch_id: string
    created_at: CreatedAt
  }
  stock_levels: {
    tenant_id: number
    sku: string
    location: string
    on_hand: Decimal
    version: number
    last_counted_at: Date | null
    updated_at: Date
  }
  movements: {
    batch_id: string
    line: number
    leg: number
    tenant_id: number
    sku: string
    location: string
    type: LineType
    quantity: Decimal
    on_hand_after: Decimal
    version: number
    reason: string | null
    reference: string | null
    occurred_at: Date
    recorded_at: CreatedAt
    source: 'primary' | 'backup' | null
    as_of: Date | null
    failover_code: string | null
    /** Its level had moved since it was planned. */
    rebased: boolean | null
  }
  planned_movements: {
    batch_id: string
    line: number
    leg: number
    chunk: number
    type: LineType
    sku: string
    location: string
    reference: string | null
    /** Null: the line would be rejected. */
    quantity: Decimal | null
    on_hand_before: Decimal
    on_hand_after: Decimal
    /** The version of the level that it was planned on. */
    version: number
    code: string | null
    detail: string | null
  }
  upload_parts: {
    upload_id: string
    part: number
    place: number
    line_count: number
    lines: Buffer
  }
  events: {
    id: Generated<number>
    tenant_id: number
    batch_id: string
    type: string
    data: ColumnType<unknown, string, never>
    created_at: CreatedAt
  }
  webhook_deliveries: {
    id: string
    tenant_id: number
    batch_id: string
    type: string
    url: string
    /** Of the URL, with its port: what may hold up its own deliveries and no others. */
    host: string
    payload: string
    state: Generated<'pending' | 'delivered' | 'failed'>
    attempts: Generated<number>
    /** Backoff begins anew with a replay. */
    attempts_before_replay: Generated<number>
    next_attempt_at: Date | null
    expires_at: Date
    created_at: CreatedAt
    settled_at: Date | null
  }
  webhook_attempts: {
    delivery_id: string
    attempt: number
    status: number | null
    error: string | null
    seconds: number
    attempted_at: CreatedAt
  }
  failed_attempts: {
    id: Generated<number>
    batch_id: string
    chunk: number
    attempt: number
    class: string
    code: string
    message: string
    worker: string
    started_at: Date
    seconds: number
  }
  redrives: {
    id: string
    tenant_id: number
    fingerprint: string | null
    batch_id: string | null
    dead_letter: string | null
    most: number
    canary: number
    rate_per_second: number | null
    state: 'canary' | 'running' | 'done' | 'stopped'
    redriven: Generated<number>
    created_at: CreatedAt
    ended_at: Date | null
    running_since: Date | null
  }
  schedules: {
    id: string
    tenant_id: number
    name: string
    every_seconds: number | null
    cron: string | null
    time_zone: string | null
    location: string | null
    last_batch_id: string | null
    created_at: CreatedAt
  }
  discrepancies: {
    id: string
    tenant_id: number
    sku: string
    location: string
    kind: 'count' | 'source'
    batch_id: string
    line: number
    expected: Decimal
    found: Decimal
    source: 'primary' | 'backup' | null
    as_of: Date | null
    failover_code: string | null
    opened_at: CreatedAt
    owner: string | null
    acknowledged_at: Date | null
    resolved_at: Date | null
    resolution: string | null
    recount_batch_id: string | null
    recounts: Generated<number>
    recounted_at: Date | null
  }
  line_outcomes: {
    batch_id: string
    line: number
    chunk: number
    outcome: Outcome
    code: string | null
    detail: string | null
    /** Null: the line could not be read. */
    type: LineType | null
    sku: string
    location: string
    reference: string | null
    given: ColumnType<Given | null, string | null | undefined, string | null>
  }
}
