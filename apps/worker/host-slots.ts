/**
 * How many attempts one host may have under way, so that those that answer slowly or not at all leave
 * room for the others: while its last attempt failed, a single one.
 */
export const createHostSlots = (perHost: number) => {
  const underWay = new Map<string, number>()
  const failing = new Set<string>()
  return {
    /** @returns false: it has as many as it may */
    take: (host: string): boolean => {
      const taken = underWay.get(host) ?? 0
      if (taken >= (failing.has(host) ? 1 : perHost)) return false
      underWay.set(host, taken + 1)
      return true
    },
    /** @param took whether the host took what it was sent; undefined when it was not asked */
    release: (host: string, took: boolean | undefined): void => {
      const left = (underWay.get(host) ?? 1) - 1
      if (left > 0) underWay.set(host, left)
      else underWay.delete(host)
      if (took === true) failing.delete(host)
      if (took === false) remember(host)
    },
  }

  /** Whoever failed the longest ago is forgotten first. */
  function remember(host: string) {
    failing.delete(host)
    failing.add(host)
    const [oldest] = failing
    if (failing.size > mostRemembered && oldest !== undefined) failing.delete(oldest)
  }
}

const mostRemembered = 10_000

export type HostSlots = ReturnType<typeof createHostSlots>
