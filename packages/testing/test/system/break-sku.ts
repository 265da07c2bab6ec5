import pg from 'pg'

/** Makes PostgreSQL refuse movements of one SKU, as a broken constraint or a bug would. */
export const breakSku = async (databaseUrl: string) => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query(`
    create function refuse_poison() returns trigger language plpgsql as $$
    begin raise exception 'this SKU cannot be moved'; end $$;
    create trigger poison before insert on movements
    for each row when (new.sku = 'poison') execute function refuse_poison()`)
  return {
    heal: () => client.query('drop trigger poison on movements'),
    disconnect: () => client.end(),
  }
}
