export type Page<T> = { items: T[]; nextCursor: string | null }
export type PageQuery = { cursor?: string; limit: number }

/** As many as the API gives at once. */
const pageSize = 1_000

/** Every item of a list, page by page as they are asked for. */
export async function* eachOf<T>(
  read: (query: PageQuery) => Promise<Page<T>>,
): AsyncGenerator<T, void, undefined> {
  let cursor: string | null = null
  do {
    const page: Page<T> = await read({ limit: pageSize, ...(cursor !== null && { cursor }) })
    yield* page.items
    cursor = page.nextCursor
  } while (cursor !== null)
}
