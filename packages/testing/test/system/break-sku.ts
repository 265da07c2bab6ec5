import { refusePoison } from '@inventoryrpa/testing'
import pg from 'pg'

/** Refuses movements of the SKU "poison" until it is healed. */
export const breakSku = async (databaseUrl: string) => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await refusePoison(client)
  return {
    heal: () => client.query('drop trigger refuse_poison on movements'),
    disconnect: () => client.end(),
  }
}
