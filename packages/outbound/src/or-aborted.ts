/** Ends with the signal even where undici does not: while it connects. */
export const orAborted = async <T>(start: () => Promise<T>, signal: AbortSignal): Promise<T> => {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([start(), aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
