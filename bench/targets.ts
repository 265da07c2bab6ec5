import type { Figures } from './round.ts'
import type { SummaryRow } from './summary.ts'

type Target = { figure: keyof Figures; text: string; isMet: (row: SummaryRow) => boolean }

const targets: readonly Target[] = [
  {
    figure: 'acceptLinesPerSecond',
    text: '≥ 10 × naive',
    isMet: ({ ratio }) => ratio.median >= 10,
  },
  {
    figure: 'endToEndLinesPerSecond',
    text: '≥ 20 × naive',
    isMet: ({ ratio }) => ratio.median >= 20,
  },
  { figure: 'redisBytesPerLine', text: '≤ 2 bytes', isMet: ({ ours }) => ours <= 2 },
  { figure: 'apiPeakMb', text: '< 200 MB', isMet: ({ ours }) => ours < 200 },
  { figure: 'workerPeakMb', text: '< 200 MB', isMet: ({ ours }) => ours < 200 },
]

export type Verdict = { figure: keyof Figures; target: string; met: boolean }

/** Every target with what became of it. */
export const judge = (rows: readonly SummaryRow[]): Verdict[] =>
  targets.flatMap(({ figure, text, isMet }) => {
    const row = rows.find((it) => it.figure === figure)
    return row ? [{ figure, target: text, met: isMet(row) }] : []
  })
