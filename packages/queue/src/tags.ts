/**
 * Start-time fair queueing: every chunk gets a tag when it is queued, and the lowest tag runs first.
 * A tag is where the queue stands (its virtual time, the tag that is next) plus what the tenant's own
 * lines before it come to, by its weight. Tenants with a backlog then take turns by lines, and one
 * without is next. Nothing of it is kept: what is before a chunk is counted in PostgreSQL.
 *
 * BullMQ's priority is the tag, so it has BullMQ's bounds.
 */
export const highestTag = 2 ** 21 - 1

/** At weight 1. 209 million lines of one tenant fit between the lowest tag and the highest. */
const linesPerTag = 100

/** Where a chunk stands, in lines of a tenant of weight 1. */
export const positionOf = ({
  virtualTime,
  linesAhead,
  weight,
}: {
  virtualTime: number
  /** The tenant's own lines that are to run before. */
  linesAhead: number
  weight: number
}): number => Math.max(1, virtualTime) * linesPerTag + linesAhead / weight

/** Beyond the highest tag the order is that of arrival, until the tags are shifted down. */
export const tagAt = (position: number): number =>
  Math.min(highestTag, Math.max(1, Math.floor(position / linesPerTag)))

/** A queue that is never empty counts upwards; from here on its tags are shifted down. */
export const shiftAbove = 2 ** 20

/** What a tag becomes when the queue stands at `virtualTime` and is shifted down to its start. */
export const shiftedTag = (tag: number, virtualTime: number): number =>
  Math.max(1, tag - virtualTime + 1)
