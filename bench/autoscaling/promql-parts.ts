type Labels = Readonly<Record<string, string>>

/** Added by Prometheus to what it scrapes. All that is scraped here is one system, so they hold. */
const targetLabels = new Set(['namespace', 'job', 'instance', 'pod', 'container', 'endpoint'])

/** Whether labels are wanted by `label="wanted"`, or another operator. */
export const matcherOf = (label: string, operator: string, wanted: string) => {
  const pattern = operator.endsWith('~') ? new RegExp(`^(?:${wanted})$`) : undefined
  const isNegated = operator.startsWith('!')
  return (labels: Labels): boolean => {
    if (targetLabels.has(label)) return true
    const value = labels[label] ?? ''
    return (pattern?.test(value) ?? value === wanted) !== isNegated
  }
}

export const aggregations: Record<string, (values: number[]) => number> = {
  sum: (values) => values.reduce((total, value) => total + value, 0),
  max: (values) => Math.max(...values),
  min: (values) => Math.min(...values),
  avg: (values) => values.reduce((total, value) => total + value, 0) / values.length,
}

/** A comparison filters: it gives the value on its left, or nothing. */
export const operators: Record<string, (a: number, b: number) => number | undefined> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '>': (a, b) => (a > b ? a : undefined),
  '<': (a, b) => (a < b ? a : undefined),
}

const unitSeconds: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400 }

/** Of 2m, or 1h30m. */
export const durationSeconds = (duration: string): number =>
  [...duration.matchAll(/(\d+)(ms|[smhd])/g)].reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (unitSeconds[unit] ?? Number.NaN),
    0,
  )
