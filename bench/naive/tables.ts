import type pg from 'pg'

/** The primary key of `movements` is what makes a line count once. */
export const createTables = async (database: pg.Client): Promise<void> => {
  await database.query(`
    create table stock_levels (
      sku text not null,
      location text not null,
      on_hand numeric(18, 3) not null,
      updated_at timestamptz not null default now(),
      primary key (sku, location)
    );
    create table movements (
      batch_id uuid not null,
      line int not null,
      sku text not null,
      location text not null,
      quantity numeric(18, 3) not null,
      reason text,
      reference text,
      occurred_at timestamptz not null,
      recorded_at timestamptz not null default now(),
      primary key (batch_id, line)
    );
    create index on movements (sku, location, occurred_at);
  `)
}
