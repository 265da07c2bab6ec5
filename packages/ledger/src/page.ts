/** A cursor that was not made by this list. */
export class InvalidCursorError extends Error {
  readonly code = 'INVALID_CURSOR'
  override readonly name = 'InvalidCursorError'
}

export type PageRequest = { limit: number; cursor?: string | undefined }
export type Page<T> = { items: T[]; nextCursor: string | null }

type CursorPart = 'text' | 'integer' | 'uuid' | 'instant'

const isPart: Record<CursorPart, (value: unknown) => boolean> = {
  text: (value) => typeof value === 'string' && !value.includes('\u0000') && value.isWellFormed(),
  integer: (value) => Number.isSafeInteger(value),
  uuid: (value) =>
    typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value),
  instant: (value) =>
    typeof value === 'string' &&
    Number.isFinite(Date.parse(value)) &&
    value > '0001' && // not a year that PostgreSQL writes otherwise
    value === new Date(value).toISOString(),
}

export const cursorOf = (parts: readonly (string | number)[]) =>
  Buffer.from(JSON.stringify(parts)).toString('base64url')

/** @throws InvalidCursorError unless the cursor carries exactly these parts */
export const readCursor = (
  cursor: string | undefined,
  parts: readonly CursorPart[],
): (string | number)[] | undefined => {
  if (cursor === undefined) return undefined
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (
      Array.isArray(values) &&
      values.length === parts.length &&
      parts.every((part, index) => isPart[part](values[index]))
    ) {
      return values
    }
  } catch {
    // Not even JSON: the same answer as any other foreign cursor.
  }
  throw new InvalidCursorError('cursor was not answered by this list')
}

/** Makes a page of `limit` items out of up to one more: the extra one says that there is a next page. */
export const pageFrom = <T>(
  rows: T[],
  limit: number,
  cursorAfter: (last: T) => string,
): Page<T> => {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items, nextCursor: rows.length > limit && last !== undefined ? cursorAfter(last) : null }
}
