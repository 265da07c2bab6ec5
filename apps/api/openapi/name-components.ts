type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type Schemas = Record<string, Json>

const prefix = '#/components/schemas/'
const suffix = 'Input'

const refsIn = (value: Json): string[] => {
  if (Array.isArray(value)) return value.flatMap(refsIn)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, child]) =>
    key === '$ref' && typeof child === 'string' && child.startsWith(prefix)
      ? [child.slice(prefix.length)]
      : refsIn(child),
  )
}

const withRefs = (value: Json, rename: (name: string) => string): Json =>
  JSON.parse(JSON.stringify(value), (key, child) =>
    key === '$ref' && typeof child === 'string' && child.startsWith(prefix)
      ? prefix + rename(child.slice(prefix.length))
      : child,
  )

/** What is referred to, however deep. */
const reachable = (from: Json, schemas: Schemas): Set<string> => {
  const found = new Set<string>()
  const queue = refsIn(from)
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found.has(name)) continue
    found.add(name)
    queue.push(...refsIn(schemas[name] ?? null))
  }
  return found
}

/**
 * Every schema comes twice, as it is sent (`…Input`) and as it is answered. Keeps what is used, and one
 * of both under its plain name where they say the same.
 */
export const nameComponents = <T>(paths: T, schemas: Schemas): { paths: T; schemas: Schemas } => {
  const used = reachable(paths as Json, schemas)
  const plain = (name: string) => {
    const base = name.endsWith(suffix) ? name.slice(0, -suffix.length) : name
    return base in schemas ? base : name
  }
  const sent = [...used].filter((name) => plain(name) !== name)
  const inBoth = sent.filter((name) => used.has(plain(name)))
  const alike = (name: string) =>
    JSON.stringify(withRefs(schemas[name] ?? null, plain)) ===
    JSON.stringify(schemas[plain(name)] ?? null)
  const differing = new Set(inBoth.filter((name) => !alike(name)))
  // Whoever refers to two that differ differs as well.
  for (let before = -1; before !== differing.size; ) {
    before = differing.size
    for (const name of inBoth) {
      if (refsIn(schemas[name] ?? null).some((ref) => differing.has(ref))) differing.add(name)
    }
  }
  const rename = (name: string) => (differing.has(name) ? name : plain(name))
  const kept = [...used].map((name) => [rename(name), withRefs(schemas[name] ?? null, rename)])
  return {
    paths: withRefs(paths as Json, rename) as T,
    schemas: Object.fromEntries(
      (kept as [string, Json][]).sort(([one], [other]) => (one < other ? -1 : 1)),
    ),
  }
}
