import { type Kysely, sql } from 'kysely'

/**
 * The spine: tenants and their keys, batches with their chunks, stock levels and the movements that
 * made them. `lines` is JSON compressed with zstd by the one who writes it (ADR 3): PostgreSQL need
 * not try again.
 * SKU and location use the C collation, so that they compare byte by byte on every machine.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create type line_type as enum ('adjustment', 'count', 'transfer')
  `.execute(db)
  await sql`
    create table tenants (
      id int generated always as identity primary key,
      name text not null unique,
      created_at timestamptz(3) not null default now()
    )
  `.execute(db)
  await sql`
    create table api_keys (
      id text primary key,
      tenant_id int not null references tenants,
      name text not null,
      secret_sha256 bytea not null,
      scopes text[] not null,
      created_at timestamptz(3) not null default now(),
      revoked_at timestamptz(3)
    )
  `.execute(db)
  await sql`
    create table batches (
      id uuid primary key,
      tenant_id int not null references tenants,
      reference text,
      mode text not null,
      negative_stock text not null,
      state text not null default 'accepted',
      total int not null,
      pending int not null,
      applied int not null default 0,
      rejected int not null default 0,
      held int not null default 0,
      dead int not null default 0,
      cancelled int not null default 0,
      created_at timestamptz(3) not null default now(),
      completed_at timestamptz(3),
      constraint counts_add_up check (
        pending + applied + rejected + held + dead + cancelled = total
        and least(pending, applied, rejected, held, dead, cancelled) >= 0
      )
    ) with (fillfactor = 70)
  `.execute(db)
  await sql`create index batches_by_tenant on batches (tenant_id, id)`.execute(db)
  await sql`
    create index batches_open on batches (tenant_id, id) where completed_at is null
  `.execute(db)
  await sql`
    create table chunks (
      batch_id uuid not null references batches,
      chunk int not null,
      line_count int not null,
      lines bytea not null,
      created_at timestamptz(3) not null default now(),
      settled_at timestamptz(3),
      dead_at timestamptz(3),
      error text,
      primary key (batch_id, chunk)
    )
  `.execute(db)
  await sql`alter table chunks alter column lines set storage external`.execute(db)
  await sql`
    create index chunks_unsettled on chunks (batch_id, chunk)
    where settled_at is null and dead_at is null
  `.execute(db)
  await sql`
    create table idempotency_keys (
      tenant_id int not null references tenants,
      key text collate "C" not null,
      body_sha256 bytea not null,
      batch_id uuid not null,
      created_at timestamptz(3) not null default now(),
      primary key (tenant_id, key)
    )
  `.execute(db)
  await sql`create index idempotency_keys_by_age on idempotency_keys (created_at)`.execute(db)
  await sql`
    create table stock_levels (
      tenant_id int not null references tenants,
      sku text collate "C" not null,
      location text collate "C" not null,
      on_hand numeric(18, 3) not null,
      version bigint not null,
      last_counted_at timestamptz(3),
      updated_at timestamptz(3) not null default now(),
      primary key (tenant_id, sku, location)
    ) with (fillfactor = 70)
  `.execute(db)
  await sql`
    create table movements (
      batch_id uuid not null,
      line int not null,
      leg smallint not null,
      tenant_id int not null,
      sku text collate "C" not null,
      location text collate "C" not null,
      type line_type not null,
      quantity numeric(18, 3) not null,
      on_hand_after numeric(18, 3) not null,
      version bigint not null,
      reason text,
      reference text,
      occurred_at timestamptz(3) not null,
      recorded_at timestamptz(3) not null default now(),
      primary key (batch_id, line, leg)
    )
  `.execute(db)
  await sql`
    create index movements_by_level on movements (tenant_id, sku, location, occurred_at, version)
  `.execute(db)
  await sql`
    create function refuse_change() returns trigger language plpgsql as $$
    begin
      raise exception 'movements are append-only: % is refused', tg_op;
    end $$
  `.execute(db)
  await sql`
    create trigger movements_append_only before update or delete or truncate on movements
    for each statement execute function refuse_change()
  `.execute(db)
  await sql`
    create table line_outcomes (
      batch_id uuid not null,
      line int not null,
      chunk int not null,
      outcome text not null,
      code text,
      detail text,
      type line_type not null,
      sku text not null,
      location text not null,
      reference text,
      primary key (batch_id, line)
    )
  `.execute(db)
}
