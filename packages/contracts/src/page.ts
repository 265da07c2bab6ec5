import { z } from 'zod'

export const maxPageSize = 1000

/** Every list takes these and answers `{items, nextCursor}`. A cursor is opaque to its reader. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(maxPageSize).default(100),
  cursor: z.string().max(1024).optional(),
}

const pageSchema = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() })
type PageSchema<T extends z.ZodType> = ReturnType<typeof pageSchema<T>>

const pages = new Map<z.ZodType, unknown>()

/** One schema for all lists of one item, named after it. */
export const pageOf = <T extends z.ZodType>(item: T): PageSchema<T> => {
  const known = pages.get(item) as PageSchema<T> | undefined
  if (known) return known
  const id = item.meta()?.id
  const page = pageSchema(item)
  const named = id === undefined ? page : page.meta({ id: `${id}Page` })
  pages.set(item, named)
  return named
}
