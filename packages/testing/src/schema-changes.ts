import type pg from 'pg'

/** What a release before relies on: by a name, what is said of it. */
export type SchemaSnapshot = {
  columns: Map<string, Column>
  enumValues: Set<string>
  /** Constraints, unique indexes and triggers: what may refuse a row. */
  guards: Map<string, Guard>
}
type Column = { type: string; nullable: boolean; hasDefault: boolean; table: string }
type Guard = { table: string; columns: string[]; definition: string }

export const readSchema = async (client: pg.ClientBase): Promise<SchemaSnapshot> => {
  const { rows: columns } = await client.query<Column & { name: string }>(`
    select c.relname as table, c.relname || '.' || a.attname as name,
      format_type(a.atttypid, a.atttypmod) as type, not a.attnotnull as nullable,
      a.atthasdef or a.attidentity <> '' as "hasDefault"
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
      and a.attnum > 0 and not a.attisdropped and c.relname not like 'kysely%'`)
  const { rows: values } = await client.query<{ name: string }>(`
    select t.typname || '.' || e.enumlabel as name
    from pg_enum e join pg_type t on t.oid = e.enumtypid`)
  const { rows: guards } = await client.query<Guard & { name: string }>(`
    select r.relname as table, r.relname || ' ' || g.name as name, g.definition,
      coalesce((select array_agg(a.attname::text) from pg_attribute a
        where a.attrelid = g.relid and a.attnum = any(g.keys)), '{}') as columns
    from (
      select conname as name, conrelid as relid, conkey as keys, pg_get_constraintdef(oid) as definition
      from pg_constraint where contype <> 'n'
      union all
      select c.relname, i.indrelid, i.indkey::int2[], pg_get_indexdef(i.indexrelid)
      from pg_index i join pg_class c on c.oid = i.indexrelid where i.indisunique
      union all
      select tgname, tgrelid, '{}', pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    ) g join pg_class r on r.oid = g.relid
    where r.relnamespace = 'public'::regnamespace and r.relname not like 'kysely%'`)
  return {
    columns: new Map(columns.map(({ name, ...column }) => [name, column])),
    enumValues: new Set(values.map(({ name }) => name)),
    guards: new Map(guards.map(({ name, ...guard }) => [name, guard])),
  }
}

/** Whatever a release that knows only `before` could stumble over in `after`, in words. */
export const findContractions = (before: SchemaSnapshot, after: SchemaSnapshot): string[] => {
  const oldTables = new Set([...before.columns.values()].map(({ table }) => table))
  const isOld = (table: string, column: string) => before.columns.has(`${table}.${column}`)
  const changed = [...before.columns].flatMap(([name, old]) => {
    const now = after.columns.get(name)
    if (!now) return [`${name} is gone`]
    return [
      ...(isWider(old.type, now.type) ? [] : [`${name} was ${old.type} and is ${now.type}`]),
      ...(old.nullable && !now.nullable ? [`${name} must not be null any more`] : []),
      ...(old.hasDefault && !now.hasDefault ? [`${name} has lost its default`] : []),
    ]
  })
  const added = [...after.columns].flatMap(([name, { table, nullable, hasDefault }]) =>
    oldTables.has(table) && !before.columns.has(name) && !nullable && !hasDefault
      ? [`${name} is needed, and the release before does not give it`]
      : [],
  )
  const values = [...before.enumValues].filter((it) => !after.enumValues.has(it))
  const guards = [...after.guards].flatMap(([name, { table, columns, definition }]) => {
    const isNew = before.guards.get(name)?.definition !== definition
    const concernsOld = columns.length === 0 || columns.some((column) => isOld(table, column))
    return isNew && oldTables.has(table) && concernsOld
      ? [`${name} is new and may refuse what the release before writes: ${definition}`]
      : []
  })
  return [...changed, ...added, ...values.map((it) => `${it} is gone`), ...guards]
}

const wider: Record<string, readonly string[]> = {
  smallint: ['integer', 'bigint', 'numeric'],
  integer: ['bigint', 'numeric'],
  bigint: ['numeric'],
  real: ['double precision'],
}

/** Whether every value of a type is the same value of the other, as it is read and written. */
const isWider = (old: string, now: string): boolean => {
  if (old === now || wider[old]?.includes(now)) return true
  const [before, after] = [numeric(old), numeric(now)]
  if (before && after) {
    const whole = (it: [number, number]) => it[0] - it[1]
    return after[1] === before[1] && whole(after) >= whole(before)
  }
  const [from, to] = [/^character varying\((\d+)\)$/.exec(old)?.[1], length(now)]
  return from !== undefined && to !== undefined && Number(from) <= to
}
const numeric = (type: string): [number, number] | undefined => {
  const [, precision, scale] = /^numeric\((\d+),(\d+)\)$/.exec(type) ?? []
  return precision === undefined ? undefined : [Number(precision), Number(scale)]
}
const length = (type: string) => {
  if (type === 'text' || type === 'character varying') return Number.POSITIVE_INFINITY
  const [, digits] = /^character varying\((\d+)\)$/.exec(type) ?? []
  return digits === undefined ? undefined : Number(digits)
}
