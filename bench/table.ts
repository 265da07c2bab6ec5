import type { Figures } from './round.ts'
import type { SummaryRow } from './summary.ts'
import { judge } from './targets.ts'

const labels: Record<keyof Figures, { label: string; digits: number }> = {
  acceptLinesPerSecond: { label: 'accept, lines/s', digits: 0 },
  endToEndLinesPerSecond: { label: 'end to end, lines/s', digits: 0 },
  acceptedP50Ms: { label: 'one line accepted, p50 ms', digits: 1 },
  acceptedP99Ms: { label: 'one line accepted, p99 ms', digits: 1 },
  appliedP50Ms: { label: 'one line applied, p50 ms', digits: 1 },
  appliedP99Ms: { label: 'one line applied, p99 ms', digits: 1 },
  redisBytesPerLine: { label: 'Redis bytes a queued line', digits: 2 },
  redisKeyBytesPerLine: { label: '… of its keys alone', digits: 2 },
  apiPeakMb: { label: 'API, peak RSS MB', digits: 0 },
  workerPeakMb: { label: 'worker, peak RSS MB', digits: 0 },
  generatorShare: { label: 'load generator, share of CPU', digits: 2 },
}

/** The figures side by side, in the order above. */
export const formatTable = (summary: readonly SummaryRow[]): string => {
  const verdicts = new Map(judge(summary).map((verdict) => [verdict.figure, verdict]))
  const rows = (Object.keys(labels) as (keyof Figures)[]).flatMap((figure) => {
    const row = summary.find((it) => it.figure === figure)
    if (!row) return []
    const verdict = verdicts.get(figure)
    return [
      [
        labels[figure].label,
        formatNumber(row.ours, labels[figure].digits),
        formatNumber(row.naive, labels[figure].digits),
        formatRatio(row.ratio.median),
        `${formatRatio(row.ratio.min)}–${formatRatio(row.ratio.max)}`,
        verdict ? `${verdict.target}: ${verdict.met ? 'met' : 'MISSED'}` : '',
      ],
    ]
  })
  return align([['', 'ours', 'naive', 'ours/naive', 'min–max', 'target'], ...rows])
}

const formatNumber = (value: number, digits: number) =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })

const formatRatio = (ratio: number) => Number(ratio.toPrecision(3)).toString()

/** The first column and the last to the left, numbers to the right. */
const align = (rows: readonly string[][]): string => {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const isText = column === 0 || column === row.length - 1
          return isText ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
