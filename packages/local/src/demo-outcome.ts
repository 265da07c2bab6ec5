import type { StockItem } from './api-client.ts'
import type { DemoOutcome } from './demo-run.ts'

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const topRows = 5

/** The numbers of the run, aligned. */
export function outcomeLines({ counts, seconds }: DemoOutcome): string[] {
  const others = (['held', 'dead', 'cancelled'] as const).filter((name) => counts[name] > 0)
  const rows = [
    ['Lines', whole.format(counts.total)],
    ['Applied', whole.format(counts.applied)],
    ['Rejected', whole.format(counts.rejected)],
    ...others.map((name) => [name[0]?.toUpperCase() + name.slice(1), whole.format(counts[name])]),
    ['Time', `${seconds.toFixed(2)} s, from the first request to the last line`],
    ['Rate', `${whole.format(counts.total / seconds)} lines/s end to end`],
  ]
  return rows.map(([name = '', value]) => `  ${name.padEnd(10)}${value}`)
}

/** The levels that are furthest from zero, as a table. */
export function stockTable(items: StockItem[]): string[] {
  const size = (item: StockItem) => Math.abs(Number(item.onHand))
  const top = items.toSorted((a, b) => size(b) - size(a)).slice(0, topRows)
  const cells = [
    ['SKU', 'Location', 'On hand'],
    ...top.map((item) => [item.sku, item.location, item.onHand]),
  ]
  const width = (column: number) => Math.max(...cells.map((row) => row[column]?.length ?? 0))
  return cells.map(
    ([sku = '', location = '', onHand = '']) =>
      `  ${sku.padEnd(width(0))}  ${location.padEnd(width(1))}  ${onHand.padStart(width(2))}`,
  )
}
