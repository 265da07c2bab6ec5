import type { z } from 'zod'

/** The JSON Pointers of what a schema refuses; an unknown field is named by its own. */
export const refusals = (schema: z.ZodType, body: unknown): string[] => {
  const issues = schema.safeParse(body).error?.issues ?? []
  return issues.flatMap((issue) => {
    const path = issue.path.map((part) => `/${String(part)}`).join('')
    return issue.code === 'unrecognized_keys' ? issue.keys.map((key) => `${path}/${key}`) : [path]
  })
}
