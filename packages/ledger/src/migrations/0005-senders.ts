import { type Kysely, sql } from 'kysely'

/**
 * What senders need: plans that are applied later or need approval, cancelling and reversing, streamed
 * uploads, events, webhooks, and keys that are rotated. All of it expands.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table tenants
      add column guard jsonb,
      add column webhook_secret text,
      add column webhook_secret_before text,
      add column webhook_secret_before_until timestamptz(3)
  `.execute(db)
  await sql`
    alter table api_keys
      add column last_used_at timestamptz(3),
      add column secret_before_sha256 bytea,
      add column secret_before_until timestamptz(3)
  `.execute(db)
  await sql`create index api_keys_by_tenant on api_keys (tenant_id, created_at, id)`.execute(db)
  await sql`
    alter table batches
      add column submitted_by text,
      add column callback_url text,
      add column on_conflict text,
      add column plan_sha256 bytea,
      add column guard_findings jsonb,
      add column decision text,
      add column decided_by text,
      add column decided_at timestamptz(3),
      add column cancelled_at timestamptz(3),
      add column reverses_id uuid,
      add column invalid_lines int not null default 0
  `.execute(db)
  // A batch is reversed once, unless its reversal was called off.
  await sql`
    create unique index batches_reversed_once on batches (reverses_id)
    where reverses_id is not null and cancelled_at is null
  `.execute(db)
  await sql`
    create index batches_by_reference on batches (tenant_id, reference, id) where reference is not null
  `.execute(db)
  await sql`
    create index batches_being_cancelled on batches (id)
    where cancelled_at is not null and completed_at is null
  `.execute(db)
  await sql`alter table chunks add column plan_sha256 bytea, add column plan_totals jsonb`.execute(
    db,
  )
  await sql`
    create table planned_movements (
      batch_id uuid not null,
      line int not null,
      leg smallint not null,
      chunk int not null,
      type line_type not null,
      sku text collate "C" not null,
      location text collate "C" not null,
      reference text,
      quantity numeric(18, 3),
      on_hand_before numeric(18, 3) not null,
      on_hand_after numeric(18, 3) not null,
      version bigint not null,
      code text,
      detail text,
      primary key (batch_id, line, leg)
    )
  `.execute(db)
  await sql`create index planned_movements_by_chunk on planned_movements (batch_id, chunk)`.execute(
    db,
  )
  // Of a line that was planned on another state of its level.
  await sql`alter table movements add column rebased boolean`.execute(db)
  // A line that could not be read may have no type; `given` is the line as its sender may correct it.
  await sql`
    alter table line_outcomes add column given jsonb, alter column type drop not null
  `.execute(db)
  // Filled and emptied again by the transaction that accepts an upload: nothing outlives it.
  await sql`
    create unlogged table upload_parts (
      upload_id uuid not null,
      part int not null,
      place int not null,
      line_count int not null,
      lines bytea not null,
      primary key (upload_id, part, place)
    )
  `.execute(db)
  await sql`alter table upload_parts alter column lines set storage external`.execute(db)
  await sql`
    create table events (
      id bigint generated always as identity primary key,
      tenant_id int not null references tenants,
      batch_id uuid not null,
      type text not null,
      data jsonb not null,
      created_at timestamptz(3) not null default now()
    )
  `.execute(db)
  await sql`create index events_by_tenant on events (tenant_id, id)`.execute(db)
  await sql`create index events_by_batch on events (batch_id, id)`.execute(db)
  await sql`create index events_by_age on events (created_at)`.execute(db)
  await sql`
    create table webhook_deliveries (
      id uuid primary key,
      tenant_id int not null references tenants,
      batch_id uuid not null,
      type text not null,
      url text not null,
      host text not null,
      payload text not null,
      state text not null default 'pending',
      attempts int not null default 0,
      attempts_before_replay int not null default 0,
      next_attempt_at timestamptz(3),
      expires_at timestamptz(3) not null,
      created_at timestamptz(3) not null default now(),
      settled_at timestamptz(3)
    )
  `.execute(db)
  await sql`
    create index webhook_deliveries_due on webhook_deliveries (host, next_attempt_at)
    where state = 'pending'
  `.execute(db)
  await sql`
    create index webhook_deliveries_by_tenant on webhook_deliveries (tenant_id, id)
  `.execute(db)
  await sql`create index webhook_deliveries_by_batch on webhook_deliveries (batch_id)`.execute(db)
  await sql`create index webhook_deliveries_by_age on webhook_deliveries (created_at)`.execute(db)
  await sql`
    create table webhook_attempts (
      delivery_id uuid not null references webhook_deliveries on delete cascade,
      attempt int not null,
      status int,
      error text,
      seconds float8 not null,
      attempted_at timestamptz(3) not null default now(),
      primary key (delivery_id, attempt)
    )
  `.execute(db)
}
