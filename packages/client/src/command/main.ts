#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { buildProgram } from './program.ts'

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string }

const interrupted = new AbortController()
// The second Ctrl-C ends it at once.
process.once('SIGINT', () => interrupted.abort())
process.once('SIGTERM', () => interrupted.abort())
// Whoever read the output has gone, as in `… | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.done)
  throw error
})

const program = buildProgram(
  {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    signal: interrupted.signal,
  },
  {
    version,
    exit: (code: ExitCode) => {
      process.exitCode = code
    },
  },
)
await program.parseAsync(process.argv)
