import { z } from 'zod'

export const maxPageSize = 1000

/** Every list takes these and answers `{items, nextCursor}`. A cursor is opaque to its reader. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(maxPageSize).default(100),
  cursor: z.string().max(1024).optional(),
}

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() })
