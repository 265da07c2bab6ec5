import { type LedgerDatabase, noteKeysUsed } from '@inventoryrpa/ledger'
import type { Logger } from '@inventoryrpa/observability'
import { LRUCache } from 'lru-cache'

export type KeyUse = {
  /** Costs its request nothing: it is written later, with others. */
  note(keyId: string): void
  /** Writes what was noted. */
  flush(): Promise<void>
}

/** A key that is always in use is written this often. */
const everyMs = 60_000
/** What is noted is written after this long. */
const delayMs = 2_000
const mostKeys = 10_000

export const createKeyUse = ({ db, logger }: { db: LedgerDatabase; logger: Logger }): KeyUse => {
  const writtenLately = new LRUCache<string, true>({ max: mostKeys, ttl: everyMs })
  let noted: { id: string; at: Date }[] = []
  let timer: NodeJS.Timeout | undefined

  const flush = async () => {
    clearTimeout(timer)
    timer = undefined
    const uses = noted
    noted = []
    // A use that is not written is written with the next one, a minute later.
    if (uses.length > 0) await noteKeysUsed(db, uses)
  }
  const flushLater = () =>
    setTimeout(() => {
      flush().catch((err) => logger.warn({ err }, 'not written when keys were used'))
    }, delayMs).unref()

  return {
    note: (id) => {
      if (writtenLately.has(id)) return
      writtenLately.set(id, true)
      noted.push({ id, at: new Date() })
      timer ??= flushLater()
    },
    flush,
  }
}
