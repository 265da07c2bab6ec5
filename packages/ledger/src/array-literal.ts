/**
 * Writes a PostgreSQL array literal. For values without a quote or a backslash it is JSON in other
 * brackets, and JSON is written natively: the driver's own way takes several times as long, on the
 * path that every line takes.
 */
export const arrayLiteral = (values: readonly (string | number | null | undefined)[]): string => {
  const json = JSON.stringify(values)
  if (!json.includes('\\')) return `{${json.slice(1, -1)}}`
  const elements = values.map((value) =>
    value === null || value === undefined ? 'NULL' : `"${String(value).replace(/["\\]/g, '\\$&')}"`,
  )
  return `{${elements.join(',')}}`
}
