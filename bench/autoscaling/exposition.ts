/** One value of a metric. */
export type Sample = { name: string; labels: Readonly<Record<string, string>>; value: number }

/** What a target answered at a moment, in seconds. */
export type Scrape = { at: number; samples: readonly Sample[] }

/** Prometheus' text format. @throws Error for what is neither a comment nor a sample */
export const parseExposition = (exposition: string): Sample[] =>
  exposition.split('\n').flatMap((line) => {
    if (line === '' || line.startsWith('#')) return []
    const [, name = '', labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (value === undefined) throw new Error(`no sample: ${line}`)
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
    return [
      {
        name,
        labels: Object.fromEntries(pairs.map(([, label, text]) => [label, text])),
        value: Number(value),
      },
    ]
  })

/** @throws Error unless the answer comes in time */
export const scrape = async (opsUrl: string, timeoutMs: number): Promise<Sample[]> => {
  const answer = await fetch(`${opsUrl}/metrics`, { signal: AbortSignal.timeout(timeoutMs) })
  return parseExposition(await answer.text())
}
