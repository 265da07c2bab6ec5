import { createWriteStream, type WriteStream } from 'node:fs'
import { mkdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'

const rotateAboveBytes = 10 * 1024 * 1024
const repeatAfterMs = 10_000
const problemLevels = new Set(['warn', 'error', 'fatal'])

export interface LogFiles {
  write(name: string, line: string): void
  close(): Promise<void>
}

/**
 * Appends what each process writes to `<folder>/<name>.log`; a file above 10 MB becomes
 * `<name>.log.1` first. Warnings and errors are also told in a line, the same one at most every 10 s.
 */
export async function openLogFiles(
  folder: string,
  names: string[],
  onProblem: (sentence: string) => void,
): Promise<LogFiles> {
  await mkdir(folder, { recursive: true })
  const files = new Map<string, WriteStream>()
  for (const name of names) {
    const path = join(folder, `${name}.log`)
    const { size } = await stat(path).catch(() => ({ size: 0 }))
    if (size > rotateAboveBytes) await rename(path, `${path}.1`)
    const file = createWriteStream(path, { flags: 'a', mode: 0o600 })
    // A full disk must not take the supervisor down.
    file.on('error', () => undefined)
    files.set(name, file)
  }
  const toldAt = new Map<string, number>()
  return {
    write(name, line) {
      files.get(name)?.write(`${line}\n`)
      const problem = problemIn(line)
      if (problem === undefined) return
      const sentence = `${name}: ${problem}`
      if (performance.now() - (toldAt.get(sentence) ?? -Infinity) < repeatAfterMs) return
      toldAt.set(sentence, performance.now())
      onProblem(sentence)
    },
    async close() {
      const ends = [...files.values()].map((file) => new Promise((next) => file.end(next)))
      await Promise.all(ends)
    },
  }
}

// What PostgreSQL calls fatal for a session, though it is part of every start and stop.
const everyday = /^(the database system is (starting up|shutting down)|terminating )/

/** The message of a log line at warn or above, or of a serious PostgreSQL line. */
function problemIn(line: string): string | undefined {
  const postgres = /\s(?:FATAL|PANIC|WARNING):\s+(.*)/.exec(line)
  if (postgres?.[1] !== undefined) return everyday.test(postgres[1]) ? undefined : postgres[1]
  if (!line.startsWith('{')) return undefined
  try {
    const { level, msg, err } = JSON.parse(line)
    const text = [msg, err?.message]
      .filter(Boolean)
      .filter((part, i, all) => all.indexOf(part) === i)
    return problemLevels.has(level) ? text.join(': ').slice(0, 300) : undefined
  } catch {
    return undefined
  }
}
