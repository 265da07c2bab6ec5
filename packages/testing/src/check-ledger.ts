import { sumByKey } from '@inventoryrpa/local'
import pg from 'pg'

type SubmittedLine = { sku: string; location: string; quantity: number }

/**
 * Compares a ledger with what was submitted to it, all as adjustments and from nothing, by plain
 * arithmetic that shares no code with the product. @returns every way in which they differ
 */
export async function checkLedger(
  databaseUrl: string,
  submitted: readonly SubmittedLine[],
): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const faults: string[] = []
    const expectNone = async (fault: string, query: string) => {
      const { rows } = await client.query(query)
      if (rows.length > 0) faults.push(`${fault}: ${JSON.stringify(rows.slice(0, 3))}`)
    }
    const { rows: levels } = await client.query<{ key: string; on_hand: string }>(
      `select sku || E'\\t' || location as key, on_hand::float8::text as on_hand from stock_levels`,
    )
    const expected = sumByKey(submitted)
    for (const { key, on_hand } of levels) {
      if (expected.get(key) !== Number(on_hand)) {
        faults.push(`level ${key} is ${on_hand}, the plain sum is ${expected.get(key)}`)
      }
    }
    if (levels.length !== expected.size) {
      faults.push(`${levels.length} levels, ${expected.size} expected`)
    }
    const { rows: counts } = await client.query<{ movements: number; lines: number }>(
      `select count(*)::int as movements, count(distinct (batch_id, line))::int as lines from movements`,
    )
    const [{ movements, lines } = { movements: 0, lines: 0 }] = counts
    if (movements !== submitted.length || lines !== submitted.length) {
      faults.push(`${movements} movements of ${lines} lines for ${submitted.length} lines`)
    }
    await expectNone(
      'levels that are not the sum of their movements',
      `select l.sku, l.location, l.on_hand, sum(m.quantity) from stock_levels l
       left join movements m using (tenant_id, sku, location)
       group by l.tenant_id, l.sku, l.location
       having l.on_hand <> coalesce(sum(m.quantity), 0) or l.version <> count(m.line)`,
    )
    await expectNone(
      'batches that are not completed with every line applied',
      `select id, state, total, pending, applied, dead from batches
       where state <> 'completed' or applied <> total`,
    )
    return faults
  } finally {
    await client.end()
  }
}
