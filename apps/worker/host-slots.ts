/**
 * How many attempts one host may have under way, so that those that answer slowly or not at all leave
 * room for the others: while it did not answer the last one, a single one.
 */
export const createHostSlots = (perHost: number) => {
  const underWay = new Map<string, number>()
  const silent = new Set<string>()
  return {
    /** @returns false: it has as many as it may */
    take: (host: string): boolean => {
      const taken = underWay.get(host) ?? 0
      if (taken >= (silent.has(host) ? 1 : perHost)) return false
      underWay.set(host, taken + 1)
      return true
    },
    /** @param answered whatever that was; undefined when the host was not asked */
    release: (host: string, answered: boolean | undefined): void => {
      const left = (underWay.get(host) ?? 1) - 1
      if (left > 0) underWay.set(host, left)
      else underWay.delete(host)
      if (answered === true) silent.delete(host)
      if (answered === false) remember(host)
    },
  }

  /** Whoever was silent the longest ago is forgotten first. */
  function remember(host: string) {
    silent.delete(host)
    silent.add(host)
    const [oldest] = silent
    if (silent.size > mostRemembered && oldest !== undefined) silent.delete(oldest)
  }
}

const mostRemembered = 10_000

export type HostSlots = ReturnType<typeof createHostSlots>
