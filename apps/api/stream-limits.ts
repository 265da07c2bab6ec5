import { ProblemError } from './plugins/problems.ts'

const perKey = 32
const perTenant = 128
const retryAfterSeconds = 10

type Caller = { id: string; tenantId: number }

/**
 * How many streams may be open here at once.
 * @param total of all tenants
 */
export const createStreamLimits = (total: number) => {
  const byKey = new Map<string, number>()
  const byTenant = new Map<number, number>()
  let all = 0

  const count = <Key>(counts: Map<Key, number>, key: Key, change: number) => {
    const now = (counts.get(key) ?? 0) + change
    if (now > 0) counts.set(key, now)
    else counts.delete(key)
  }
  const change = ({ id, tenantId }: Caller, by: 1 | -1) => {
    count(byKey, id, by)
    count(byTenant, tenantId, by)
    all += by
  }
  return {
    /** @returns what gives the place back @throws ProblemError when there is none */
    take: (caller: Caller): (() => void) => {
      if ((byKey.get(caller.id) ?? 0) >= perKey) {
        const detail = `a key may have ${perKey} streams open`
        throw new ProblemError('rate-limited', detail, { retryAfterSeconds })
      }
      if ((byTenant.get(caller.tenantId) ?? 0) >= perTenant) {
        const detail = `all keys together may have ${perTenant} streams open`
        throw new ProblemError('rate-limited', detail, { retryAfterSeconds })
      }
      if (all >= total) {
        const detail = 'as many streams are open as this server bears'
        throw new ProblemError('unavailable', detail, { retryAfterSeconds })
      }
      change(caller, 1)
      return () => change(caller, -1)
    },
    get open() {
      return all
    },
  }
}
