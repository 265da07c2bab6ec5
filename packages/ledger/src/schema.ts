import type { Outcome, QueueKind } from '@inventoryrpa/contracts'
import type { ColumnType, Generated } from 'kysely'

type LineType = 'adjustment' | 'count' | 'transfer' | 'sync'
/** numeric(18, 3), as the driver reads and writes it: a decimal string with three places. */
type Decimal = string
type CreatedAt = ColumnType<Date, never, never>

export type Schema = {
  tenants: { id: Generated<number>; name: string; created_at: CreatedAt; weight: Generated<number> }
  api_keys: {
    id: string
    tenant_id: number
    name: string
    secret_sha256: Buffer
    scopes: string[]
    created_at: CreatedAt
    revoked_at: Date | null
  }
  batches: {
    id: string
    tenant_id: number
    reference: string | null
    mode: 'apply'
    negative_stock: 'reject' | 'allow'
    state: 'accepted' | 'processing' | 'completed'
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
    queue: Generated<QueueKind>
    not_before: Date | null
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
    type: LineType
    sku: string
    location: string
    reference: string | null
  }
}
