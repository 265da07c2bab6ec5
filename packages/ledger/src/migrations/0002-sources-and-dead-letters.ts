import { type Kysely, sql } from 'kysely'

/**
 * Lines that need the stock source, discrepancies, dead letters with their history and redrive, and
 * shares between tenants. A chunk that is split is settled, and its lines are in the chunks whose
 * `parent` it is. All of it expands: a release that does not know it works on.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter type line_type add value if not exists 'sync'`.execute(db)
  await sql`
    alter table tenants
      add column weight int not null default 1 check (weight between 1 and 1000)
  `.execute(db)
  await sql`
    alter table batches
      add column verify boolean not null default false,
      add column priority text not null default 'normal',
      add column not_before timestamptz(3)
  `.execute(db)
  await sql`
    create index batches_open_by_priority on batches (tenant_id, priority, id)
    where completed_at is null
  `.execute(db)
  await sql`
    alter table chunks
      add column queue text not null default 'apply',
      add column not_before timestamptz(3),
      add column parent int,
      add column split_at timestamptz(3),
      add column suspect boolean not null default false,
      add column error_code text,
      add column fingerprint text,
      add column held int not null default 0,
      add column redrive_id uuid
  `.execute(db)
  await sql`
    create index chunks_dead on chunks (dead_at, batch_id, chunk) where dead_at is not null
  `.execute(db)
  await sql`
    create index chunks_held on chunks (batch_id, chunk) where held > 0
  `.execute(db)
  await sql`
    create index chunks_redriven on chunks (redrive_id) where redrive_id is not null
  `.execute(db)
  await sql`
    create index line_outcomes_open on line_outcomes (batch_id, chunk, line)
    where outcome in ('dead', 'held')
  `.execute(db)
  await sql`
    create table failed_attempts (
      id bigint generated always as identity primary key,
      batch_id uuid not null,
      chunk int not null,
      attempt int not null,
      class text not null,
      code text not null,
      message text not null,
      worker text not null,
      started_at timestamptz(3) not null,
      seconds float8 not null
    )
  `.execute(db)
  await sql`create index failed_attempts_by_chunk on failed_attempts (batch_id, chunk, id)`.execute(
    db,
  )
  await sql`
    create table redrives (
      id uuid primary key,
      tenant_id int not null references tenants,
      fingerprint text,
      batch_id uuid,
      dead_letter text,
      most int not null,
      canary int not null,
      rate_per_second float8,
      state text not null,
      redriven int not null default 0,
      created_at timestamptz(3) not null default now(),
      ended_at timestamptz(3)
    )
  `.execute(db)
  await sql`create index redrives_open on redrives (id) where ended_at is null`.execute(db)
  await sql`
    alter table movements
      add column source text,
      add column as_of timestamptz(3),
      add column failover_code text
  `.execute(db)
  await sql`
    create table discrepancies (
      id uuid primary key,
      tenant_id int not null references tenants,
      sku text collate "C" not null,
      location text collate "C" not null,
      kind text not null,
      batch_id uuid not null,
      line int not null,
      expected numeric(18, 3) not null,
      found numeric(18, 3) not null,
      source text,
      as_of timestamptz(3),
      failover_code text,
      opened_at timestamptz(3) not null default now(),
      owner text,
      acknowledged_at timestamptz(3),
      resolved_at timestamptz(3),
      resolution text,
      recount_batch_id uuid,
      recounts int not null default 0,
      recounted_at timestamptz(3)
    )
  `.execute(db)
  await sql`
    create unique index discrepancies_open on discrepancies (tenant_id, sku, location, kind)
    where resolved_at is null
  `.execute(db)
  await sql`
    create table schedules (
      id uuid primary key,
      tenant_id int not null references tenants,
      name text collate "C" not null,
      every_seconds int,
      cron text,
      time_zone text,
      location text collate "C",
      last_batch_id uuid,
      created_at timestamptz(3) not null default now(),
      unique (tenant_id, name)
    )
  `.execute(db)
  await sql`create index discrepancies_by_tenant on discrepancies (tenant_id, id)`.execute(db)
}
