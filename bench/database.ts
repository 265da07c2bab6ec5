import pg from 'pg'

export type Database = AsyncDisposable & {
  client: pg.Client
  /** Runs a query of one row with a column `number`; null counts as 0. */
  number(query: string): Promise<number>
}

/** One connection, for what the bench itself asks. */
export const openDatabase = async (url: string): Promise<Database> => {
  const client = new pg.Client({ connectionString: url, application_name: 'bench' })
  client.on('error', () => undefined)
  await client.connect()
  return {
    client,
    number: async (query) => {
      const { rows } = await client.query<{ number: string | null }>(query)
      return Number(rows[0]?.number ?? 0)
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}
