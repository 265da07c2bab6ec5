/** How long an attempt may wait for another to the same host to end. */
const waitMs = 1_000
const mostRemembered = 10_000

type Host = { underWay: number; waiting: ((taken: boolean) => void)[] }

/**
 * How many attempts one host may have under way, so that those that answer slowly or not at all leave
 * room for the others: `perHost`, and as many that wait for these; while it did not answer the last
 * one, a single one.
 */
export const createHostSlots = (perHost: number) => {
  const hosts = new Map<string, Host>()
  const silent = new Set<string>()

  /** Whoever was silent the longest ago is forgotten first. */
  const remember = (host: string) => {
    silent.delete(host)
    silent.add(host)
    const [oldest] = silent
    if (silent.size > mostRemembered && oldest !== undefined) silent.delete(oldest)
  }

  return {
    /** @returns false: it has as many as it may, and none of them ended soon */
    take: async (name: string): Promise<boolean> => {
      const host = hosts.get(name) ?? { underWay: 0, waiting: [] }
      hosts.set(name, host)
      if (host.underWay < (silent.has(name) ? 1 : perHost)) {
        host.underWay += 1
        return true
      }
      if (silent.has(name) || host.waiting.length >= perHost) return false
      const { promise, resolve } = Promise.withResolvers<boolean>()
      host.waiting.push(resolve)
      const timer = setTimeout(() => {
        host.waiting = host.waiting.filter((it) => it !== resolve)
        resolve(false)
      }, waitMs)
      return promise.finally(() => clearTimeout(timer))
    },
    /** @param answered whatever that was; undefined when the host was not asked */
    release: (name: string, answered: boolean | undefined): void => {
      if (answered === true) silent.delete(name)
      if (answered === false) remember(name)
      const host = hosts.get(name)
      if (!host) return
      if (silent.has(name)) for (const resolve of host.waiting.splice(0)) resolve(false)
      const next = host.waiting.shift()
      if (next) next(true)
      else host.underWay -= 1
      if (host.underWay === 0) hosts.delete(name)
    },
  }
}

export type HostSlots = ReturnType<typeof createHostSlots>
