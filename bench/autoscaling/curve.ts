/** What the autoscaler saw and did, in the cluster's seconds and lines. */
export type Look = {
  at: number
  /** Before the look, and after it. */
  replicas: number
  next: number
  ready: number
  asked: number
  because: string
  pendingLines: number
}

type Change = { at: number; from: number; to: number }

export const changesOf = (looks: readonly Look[]): Change[] =>
  looks.flatMap(({ at, replicas, next }) =>
    next === replicas ? [] : [{ at, from: replicas, to: next }],
  )

/** Flapping: a change of direction within the window that is to prevent it. */
export const findFlaps = (looks: readonly Look[], windowSeconds: number): string[] => {
  const changes = changesOf(looks)
  return changes.flatMap((change, index) => {
    const before = changes[index - 1]
    if (!before || change.at - before.at >= windowSeconds) return []
    const turnsRound = Math.sign(change.to - change.from) !== Math.sign(before.to - before.from)
    return turnsRound
      ? [`${before.from} → ${before.to} at ${before.at} s, ${change.to} at ${change.at} s`]
      : []
  })
}

/** The looks that changed something, as a table in Markdown. */
export const formatTable = (looks: readonly Look[], reads: string): string => {
  const shown = looks.filter(({ replicas, next }, index) => replicas !== next || index === 0)
  const rows = shown.map(({ at, replicas, next, asked, because, pendingLines }) => [
    at.toFixed(0),
    Math.round(pendingLines).toLocaleString('en'),
    because,
    String(asked),
    `${replicas} → ${next}`,
  ])
  const header = ['s', 'pending lines', reads, 'asked', 'replicas']
  return [header, header.map(() => '---'), ...rows].map((it) => `| ${it.join(' | ')} |`).join('\n')
}

const chartPoints = 40
const linesPerUnit = 100_000

/** Replicas and, in hundreds of thousands of lines, the backlog, as a chart of Mermaid. */
export const formatChart = (looks: readonly Look[], title: string): string => {
  const end = looks.at(-1)?.at ?? 0
  const points = Array.from({ length: chartPoints + 1 }, (_, index) => (end * index) / chartPoints)
  const at = (seconds: number) => looks.findLast((look) => look.at <= seconds) ?? looks[0]
  const list = (value: (look: Look) => number) =>
    points
      .map((it) =>
        value(at(it) as Look)
          .toFixed(1)
          .replace('.0', ''),
      )
      .join(', ')
  return [
    '```mermaid',
    'xychart-beta',
    `  title "${title}"`,
    `  x-axis "seconds" 0 --> ${Math.ceil(end)}`,
    '  y-axis "replicas; pending lines / 100,000" 0 --> 11',
    `  line [${list(({ next }) => next)}]`,
    `  line [${list(({ pendingLines }) => pendingLines / linesPerUnit)}]`,
    '```',
  ].join('\n')
}
