import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import type { LoopWatchData } from './loop-watch.ts'

const { beats, limitMs, service } = workerData as LoopWatchData
const looksWithinLimit = 10
const standardError = 2

let seen = -1
let missed = 0

// Looks are counted, not time: a process that was frozen stood still as a whole.
setInterval(() => {
  const now = Atomics.load(beats, 0)
  missed = now === seen ? missed + 1 : 0
  seen = now
  if (missed < looksWithinLimit) return
  const msg = `the event loop has been blocked for ${Math.round(limitMs / 1_000)} s: ending this process`
  const time = new Date().toISOString()
  // Past the logger, whose thread is the one that is blocked.
  try {
    writeSync(standardError, `${JSON.stringify({ level: 'fatal', time, service, msg })}\n`)
  } finally {
    process.kill(process.pid, 'SIGKILL')
  }
}, limitMs / looksWithinLimit)
