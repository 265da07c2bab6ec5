import type { Page } from '@inventoryrpa/ledger'

/** Reads a list to its end, page by page, with a bound so that a cursor that goes in circles fails. */
export const readAll = async <T>(
  read: (cursor: string | undefined) => Promise<Page<T>>,
): Promise<{ items: T[]; sizes: number[] }> => {
  const items: T[] = []
  const sizes: number[] = []
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: Page<T> = await read(cursor)
    items.push(...page.items)
    sizes.push(page.items.length)
    if (sizes.length > 1_000) throw new Error('this list has no end')
    cursor = page.nextCursor
  }
  return { items, sizes }
}

export const cursorOf = (...parts: unknown[]) =>
  Buffer.from(JSON.stringify(parts)).toString('base64url')

/** What no list ever answered, whatever it lists. */
export const foreignCursors = [
  ...['', 'x', '%', '[]', 'null', 'eyJhIjoxfQ'],
  ...[cursorOf(), cursorOf(null), cursorOf(1.5), cursorOf('x', 1, 2, 3), cursorOf({})],
  ...[cursorOf('\u0000', '\u0000'), cursorOf('\ud800', 'x'), cursorOf('not-a-uuid')],
  ...[cursorOf(true), cursorOf([1]), cursorOf(1e300), cursorOf('2020-13-01T00:00:00.000Z', 'x', 1)],
]
