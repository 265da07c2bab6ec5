/** An error's own stable code, or its class. */
export const codeOf = (error: Error): string =>
  'code' in error && typeof error.code === 'string' ? error.code : error.name

/** Not by class: an error may come from another process. */
const hasCode = (error: unknown, code: string) => error instanceof Error && codeOf(error) === code

/** Another transaction was first, which says nothing of the chunk. */
export const isLostRace = (error: unknown): boolean => hasCode(error, 'LEDGER_CONFLICT')

/** Only a later release can tell what the chunk means. */
export const isOfLaterRelease = (error: unknown): boolean => hasCode(error, 'UNKNOWN_LINE_TYPE')
