import { setTimeout as delay } from 'node:timers/promises'
import type { QueueBackend } from './backend.ts'

export type WaitOptions = {
  /** Milliseconds between two looks. */
  everyMs?: number
  /** Milliseconds to wait at most; without it, for ever. */
  timeoutMs?: number
  signal?: AbortSignal
  /** Told once what is waited for. */
  onWait?: (fault: string) => void
}

/** Waits until the backend can be used. @returns whether it can, rather than that time or patience ended */
export const untilUsable = async (
  backend: Pick<QueueBackend, 'check'>,
  {
    everyMs = 500,
    timeoutMs = Number.POSITIVE_INFINITY,
    signal,
    onWait = () => {},
  }: WaitOptions = {},
): Promise<boolean> => {
  const deadline = performance.now() + timeoutMs
  let told = false
  while (!signal?.aborted) {
    const fault = await backend.check()
    if (fault === undefined) return true
    if (performance.now() + everyMs > deadline) return false
    if (!told) onWait(fault)
    told = true
    await delay(everyMs, undefined, { signal }).catch(() => {})
  }
  return false
}

/**
 * Starts work once the backend can be used, and not before: a BullMQ worker on tables that are not
 * migrated turns round and round without a pause.
 * @param start what to do then; it returns how to end it
 */
export const startWhenUsable = (
  backend: Pick<QueueBackend, 'check'>,
  start: () => Promise<() => Promise<void>>,
  { onWait = () => {} }: Pick<WaitOptions, 'onWait'> = {},
): { close(): Promise<void> } => {
  const waiting = new AbortController()
  const started = untilUsable(backend, { signal: waiting.signal, onWait }).then((usable) =>
    usable && !waiting.signal.aborted ? start() : undefined,
  )
  return {
    close: async () => {
      waiting.abort()
      await (await started)?.()
    },
  }
}
