import type { System } from './system.ts'

export interface BatchCounts {
  total: number
  applied: number
  rejected: number
  held: number
  dead: number
  cancelled: number
  pending: number
}

export interface Batch {
  id: string
  state: string
  counts: BatchCounts
}

export interface StockItem {
  sku: string
  location: string
  onHand: string
}

/** Calls the local API. @throws Error with the status and body of any answer but a good one */
export async function callApi<T>(
  system: Pick<System, 'apiUrl' | 'apiKey'>,
  path: string,
  post?: { body: unknown; idempotencyKey: string },
): Promise<T> {
  const response = await fetch(`${system.apiUrl}${path}`, {
    method: post ? 'POST' : 'GET',
    headers: {
      authorization: `Bearer ${system.apiKey}`,
      ...(post && { 'content-type': 'application/json', 'idempotency-key': post.idempotencyKey }),
    },
    ...(post && { body: JSON.stringify(post.body) }),
    signal: AbortSignal.timeout(30_000),
  })
  const text = await response.text()
  if (response.ok) return JSON.parse(text) as T
  throw new Error(
    `${post ? 'POST' : 'GET'} ${path} answered ${response.status}: ${text.slice(0, 500)}`,
  )
}

/** All stock levels, page by page. */
export async function allStock(system: Pick<System, 'apiUrl' | 'apiKey'>): Promise<StockItem[]> {
  const items: StockItem[] = []
  let cursor: string | null = null
  do {
    const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const page: { items: StockItem[]; nextCursor: string | null } = await callApi(
      system,
      `/v1/stock?limit=1000${query}`,
    )
    items.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== null)
  return items
}
