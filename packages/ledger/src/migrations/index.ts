import type { Migration } from 'kysely/migration'
import * as spine from './0001-spine.ts'
import * as sourcesAndDeadLetters from './0002-sources-and-dead-letters.ts'
import * as backlogIndexes from './0003-backlog-indexes.ts'
import * as redrivePace from './0004-redrive-pace.ts'
import * as senders from './0005-senders.ts'

/** In the order they run. A released migration is never edited: a change is a new one. */
export const migrations: Record<string, Migration> = {
  '0001-spine': spine,
  '0002-sources-and-dead-letters': sourcesAndDeadLetters,
  '0003-backlog-indexes': backlogIndexes,
  '0004-redrive-pace': redrivePace,
  '0005-senders': senders,
}

export const newestMigration = Object.keys(migrations).at(-1)
