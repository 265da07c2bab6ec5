import { readFile } from 'node:fs/promises'
import { parse } from 'csv-parse/sync'

/** An adjustment as the API takes it. */
export interface OnlineRetailLine {
  type: 'adjustment'
  sku: string
  location: string
  quantity: number
  reason: 'sale' | 'return'
  reference: string
  observedAt: string
}

/**
 * Reads one day of the Online Retail data set (see examples/online-retail): what was sold left the
 * stock of that country, what was returned came back. Times carry no zone and are taken as UTC.
 */
export async function readOnlineRetailDay(path: string): Promise<OnlineRetailLine[]> {
  const rows: Record<string, string>[] = parse(await readFile(path), { columns: true, bom: true })
  return rows.map((row) => {
    const { StockCode = '', Country = '', InvoiceNo = '', InvoiceDate = '' } = row
    const sold = Number(row.Quantity)
    return {
      type: 'adjustment',
      sku: StockCode,
      location: Country,
      quantity: 0 - sold,
      reason: sold < 0 ? 'return' : 'sale',
      reference: InvoiceNo,
      observedAt: new Date(`${InvoiceDate.replace(' ', 'T')}Z`).toISOString(),
    }
  })
}

/** The sum of the quantities for each SKU and location, as a map from `sku<tab>location`. */
export function sumByKey(
  lines: Iterable<{ sku: string; location: string; quantity: number }>,
): Map<string, number> {
  const sums = new Map<string, number>()
  for (const { sku, location, quantity } of lines) {
    const key = `${sku}\t${location}`
    sums.set(key, (sums.get(key) ?? 0) + quantity)
  }
  return sums
}
