/** An error's own stable code, or its class. */
export const codeOf = (error: Error): string =>
  'code' in error && typeof error.code === 'string' ? error.code : error.name

/** Another transaction was first, which says nothing of the chunk. By code: it may come from another process. */
export const isLostRace = (error: unknown): boolean =>
  error instanceof Error && codeOf(error) === 'LEDGER_CONFLICT'

/** Only a later release can tell what the chunk means. By code: it may come from another process. */
export const isOfLaterRelease = (error: unknown): boolean =>
  error instanceof Error && codeOf(error) === 'UNKNOWN_LINE_TYPE'
