import cliProgress from 'cli-progress'
import type { Stream } from './context.ts'

export type Progress = { update(done: number, total: number): void; stop(): void }

const plainEveryMs = 1_000

/** A bar with rate and time left on a terminal; elsewhere a plain line, at most one a second. */
export const startProgress = (
  label: string,
  unit: 'lines' | 'MB',
  { stderr }: { stderr: Stream },
): Progress => {
  const startedAt = performance.now()
  const show = (count: number) =>
    unit === 'MB' ? (count / 1_000_000).toFixed(1) : Math.floor(count).toLocaleString('en')
  const measure = (done: number, total: number) => {
    const seconds = (performance.now() - startedAt) / 1_000
    const rate = seconds > 0 ? done / seconds : 0
    const left = rate > 0 ? `${Math.ceil((total - done) / rate)} s left` : ''
    return { of: `${show(done)}/${show(total)} ${unit}`, rate: `${show(rate)}/s`, left }
  }
  if (!stderr.isTTY) return plainProgress(label, measure, stderr)

  const format = `  ${label}  {bar}  {percentage}%  {of}  {rate}  {left}`
  const bar = new cliProgress.SingleBar(
    { format, hideCursor: true, stream: stderr, barsize: 24, clearOnComplete: false },
    cliProgress.Presets.shades_classic,
  )
  let last: [number, number] | undefined
  return {
    update(done, total) {
      if (last === undefined) bar.start(total, done, measure(done, total))
      else bar.setTotal(total)
      last = [done, total]
      bar.update(done, measure(done, total))
    },
    stop: () => last && bar.stop(),
  }
}

const plainProgress = (
  label: string,
  measure: (done: number, total: number) => { of: string; rate: string; left: string },
  stderr: Stream,
): Progress => {
  let printedAt = -Infinity
  let printed = -1
  return {
    update(done, total) {
      const due = performance.now() - printedAt > plainEveryMs || done === total
      if (done === printed || !due) return
      printedAt = performance.now()
      printed = done
      const { of, rate, left } = measure(done, total)
      const line = done === total ? [label, of, rate] : [label, of, rate, left]
      stderr.write(`${line.filter(Boolean).join('  ')}\n`)
    },
    stop: () => undefined,
  }
}
