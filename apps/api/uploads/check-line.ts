import { isPlainLine, type Line, type LineField, line, lineFields } from '@inventoryrpa/contracts'
import type { InvalidLine } from '@inventoryrpa/ledger'

export type Checked = { line: Line } | { invalid: InvalidLine }

/** Faults told of one line, and characters of each field and name that are repeated: about 2 KB. */
const mostFaults = 3
const mostCharacters = 160

/**
 * Whether a line can be accepted, or why not, with the fields that it has so that it can be corrected.
 * @param where names the line's place in the file
 * @param now as toISOString writes it
 */
export const checkLine = (sent: unknown, where: string, now: string): Checked => {
  if (isPlainLine(sent, now)) return { line: sent as Line }
  const checked = line.safeParse(sent)
  if (checked.success) return { line: sent as Line }
  const faults = checked.error.issues.slice(0, mostFaults).map(faultOf)
  return invalid(sent, where, faults.join('; '))
}

export const invalid = (sent: unknown, where: string, why: string): { invalid: InvalidLine } => ({
  invalid: { detail: `${where}: ${why}`, given: givenOf(sent) },
})

type Issue = { code: string; path: PropertyKey[]; message: string; keys?: string[] }

const faultOf = ({ code, path, message, keys = [] }: Issue): string => {
  if (code === 'unrecognized_keys') return `${keys.slice(0, mostFaults).map(shown)} not allowed`
  if (code === 'invalid_union' || code === 'invalid_type') {
    return path.length === 0 ? 'is not a line' : `${String(path[0])} is missing or not as allowed`
  }
  return `${path.map(String).join('/')} ${message}`
}

/** Of a field that is not ours. */
const shown = (key: string) => JSON.stringify(key.slice(0, mostCharacters))

const givenOf = (sent: unknown): InvalidLine['given'] => {
  if (typeof sent !== 'object' || sent === null) return {}
  const given: InvalidLine['given'] = {}
  for (const field of lineFields) {
    const value = Object.hasOwn(sent, field)
      ? (sent as Record<LineField, unknown>)[field]
      : undefined
    if (typeof value === 'number') given[field] = value
    if (typeof value === 'string') given[field] = value.slice(0, mostCharacters)
  }
  return given
}
