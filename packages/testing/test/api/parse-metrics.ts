type Labels = Record<string, string>

export type ParsedMetrics = {
  text: string
  series: { name: string; labels: Labels; value: number }[]
  /** The values of the series of this name that have these labels among theirs. */
  values(name: string, labels: Labels): number[]
  sum(name: string, labels: Labels): number
}

/** Reads the text format of Prometheus. */
export const parseMetrics = (text: string): ParsedMetrics => {
  const series = text.split('\n').flatMap((line) => {
    const [, name, inBraces = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    const pairs = [...inBraces.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
    const labels: Labels = Object.fromEntries(pairs.map(([, key, label]) => [key, label]))
    return name === undefined ? [] : [{ name, labels, value: Number(value) }]
  })
  const values = (name: string, wanted: Labels) =>
    series
      .filter((it) => it.name === name)
      .filter(({ labels }) => Object.entries(wanted).every(([key, value]) => labels[key] === value))
      .map(({ value }) => value)
  return {
    text,
    series,
    values,
    sum: (name, labels) => values(name, labels).reduce((sum, value) => sum + value, 0),
  }
}
