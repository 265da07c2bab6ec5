import type pg from 'pg'

/**
 * Makes PostgreSQL refuse movements of the SKU "poison", as a broken constraint or a bug would, until the
 * trigger `refuse_poison` is gone.
 */
export const refusePoison = async (client: pg.ClientBase): Promise<void> => {
  await client.query(`
    create function refuse_poison() returns trigger language plpgsql as $$
    begin raise exception 'this SKU cannot be moved: %', new.sku; end $$;
    create trigger refuse_poison before insert on movements
    for each row when (new.sku = 'poison') execute function refuse_poison()`)
}
