import { setImmediate as othersTurn } from 'node:timers/promises'
import type { Line } from '@inventoryrpa/contracts'
import { sql, type Transaction } from 'kysely'
import type { Schema } from './schema.ts'
import { readSegment, storeBody } from './stored-lines.ts'

/** By SKU: its lines are planned together. Of ten million lines one holds about 40,000. */
const partCount = 256

/** Of all parts together, in characters, before they are moved to PostgreSQL. */
const heldCharacters = 8_000_000

/** Lines that are planned together: so few that memory is bounded, so many that chunks are full. */
const groupLines = 10_000

/** Rows of one statement. */
const pageRows = 64

export type NumberedLines = { lines: Line[]; numbers: number[] }

export type UploadParts = {
  /** @returns how many lines the part has now that this one is in */
  add(number: number, line: Line): number
  readonly isFull: boolean
  /** Moves what is held to PostgreSQL. */
  flush(): Promise<void>
  /** All lines, those of one SKU together and in the order in which they were added. Once. */
  groups(): AsyncGenerator<NumberedLines>
}

/**
 * The lines of an upload while its transaction is open, sorted by SKU without holding them in memory:
 * a table is the scratch paper. What is small never gets there.
 */
export const createUploadParts = (trx: Transaction<Schema>, uploadId: string): UploadParts => {
  const held: string[][] = Array.from({ length: partCount }, () => [])
  const counts = new Array<number>(partCount).fill(0)
  let characters = 0
  let places = 0

  const insert = async (rows: { part: number; lines: string[] }[]) => {
    await trx
      .insertInto('upload_parts')
      .values(
        rows.map(({ part, lines }) => ({
          upload_id: uploadId,
          part,
          place: places,
          line_count: lines.length,
          lines: storeBody(Buffer.from(lines.join(','))),
        })),
      )
      .execute()
  }
  const flush = async () => {
    const rows = held.flatMap((lines, part) => (lines.length > 0 ? [{ part, lines }] : []))
    for (let from = 0; from < rows.length; from += pageRows) {
      await insert(rows.slice(from, from + pageRows))
      await othersTurn()
    }
    places += 1
    characters = 0
    for (const lines of held) lines.length = 0
  }
  /** Of parts from one to before another. */
  const read = async (from: number, to: number): Promise<NumberedLines> => {
    const texts: string[] = []
    if (places === 0) for (const lines of held.slice(from, to)) texts.push(...lines)
    else {
      const { rows } = await sql<{ lines: Buffer }>`
        with gone as (
          delete from upload_parts
          where upload_id = ${uploadId} and part >= ${from} and part < ${to}
          returning part, place, lines
        )
        select lines from gone order by part, place
      `.execute(trx)
      for (const row of rows) texts.push(readSegment(row.lines))
    }
    const pairs = JSON.parse(`[${texts.join(',')}]`) as [number, Line][]
    return { numbers: pairs.map(([number]) => number), lines: pairs.map(([, line]) => line) }
  }

  return {
    add: (number, line) => {
      const part = partOf(line.sku)
      const text = JSON.stringify([number, line])
      held[part]?.push(text)
      characters += text.length
      counts[part] = (counts[part] ?? 0) + 1
      return counts[part]
    },
    get isFull() {
      return characters >= heldCharacters
    },
    flush,
    async *groups() {
      if (places > 0) await flush()
      let from = 0
      let lines = 0
      for (let part = 0; part < partCount; part++) {
        lines += counts[part] ?? 0
        if (lines < groupLines && part < partCount - 1) continue
        if (lines > 0) yield await read(from, part + 1)
        await othersTurn()
        from = part + 1
        lines = 0
      }
    },
  }
}

/** FNV-1a. */
const partOf = (sku: string) => {
  let hash = 0x811c9dc5
  for (let index = 0; index < sku.length; index++) {
    hash = Math.imul(hash ^ sku.charCodeAt(index), 0x01000193)
  }
  return (hash >>> 0) % partCount
}
