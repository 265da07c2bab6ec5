import cliProgress from 'cli-progress'

export interface Progress {
  update(done: number): void
  stop(): void
}

export interface ProgressOutput {
  stream: NodeJS.WritableStream & { isTTY?: boolean }
  print: (line: string) => void
}

const plainEveryMs = 1000

/** A progress bar on a terminal; elsewhere a plain line, at most one a second. */
export function startProgress(label: string, total: number, output: ProgressOutput): Progress {
  if (!output.stream.isTTY) return plainProgress(label, total, output.print)
  const format = `  ${label}  {bar}  {percentage}%  {value}/{total}`
  const preset = cliProgress.Presets.shades_classic
  const bar = new cliProgress.SingleBar({ format, hideCursor: true, stream: output.stream }, preset)
  bar.start(total, 0)
  return { update: (done) => bar.update(done), stop: () => bar.stop() }
}

function plainProgress(label: string, total: number, print: (line: string) => void): Progress {
  let printedAt = -Infinity
  let printed = -1
  return {
    update(done) {
      const due = performance.now() - printedAt > plainEveryMs || done === total
      if (done === printed || !due) return
      printedAt = performance.now()
      printed = done
      print(`  ${label}  ${done}/${total}`)
    },
    stop: () => undefined,
  }
}
