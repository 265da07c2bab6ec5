import type pg from 'pg'

type Expected = { lines: number; sums: ReadonlyMap<string, number> }
type Counted = { movements: number; lines: number }
type Level = { sku: string; location: string; on_hand: string | null; moved: string | null }

/**
 * Compares the ledger with plain arithmetic: one movement a line, and each level as well as its
 * movements what its lines add up to.
 * @returns the first difference, or undefined when every line is there exactly once
 */
export const findDifference = async (
  database: pg.Client,
  { lines, sums }: Expected,
): Promise<string | undefined> => {
  const counted = await database.query<Counted>(
    'select count(*)::int as movements, count(distinct (batch_id, line))::int as lines from movements',
  )
  const found = counted.rows[0] as Counted
  if (found.lines < lines) return `${lines - found.lines} of ${lines} lines have no movement`
  if (found.movements !== lines) return `${found.movements} movements for ${lines} lines`

  const { rows } = await database.query<Level>(`
    select sku, location, l.on_hand, m.moved
    from stock_levels l full join (
      select sku, location, sum(quantity) as moved from movements group by sku, location
    ) m using (sku, location)
  `)
  if (rows.length !== sums.size) return `${rows.length} stock levels instead of ${sums.size}`
  for (const { sku, location, on_hand, moved } of rows) {
    const sum = sums.get(`${sku}\t${location}`)
    for (const found of [on_hand, moved]) {
      if (found === null || Number(found) !== sum) {
        return `${sku} at ${location} is ${on_hand} after ${moved}, its lines add up to ${sum}`
      }
    }
  }
  return undefined
}
