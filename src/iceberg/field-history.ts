/**
 * What a name stood for before: a table keeps its old schemas, so a column that another writer has
 * renamed or dropped meanwhile is still known by the name under which a stream goes on sending it.
 */
import type { NameMapping } from './name-mapping.ts'
import { allFields, childFields } from './schema.ts'
import type { Schema, Type } from './types.ts'

export type FormerField =
  /** The field is there, under another name. */
  | { readonly kind: 'renamed'; readonly id: number }
  /** It was there; rows of before may have values in it. */
  | { readonly kind: 'dropped'; readonly id: number }

export interface FieldHistory {
  /** `parent`: the id of the field above; 0 for columns. Undefined: the name is new there. */
  find(parent: number, name: string): FormerField | undefined
}

/** `schemas`: all that the table has had, in any order. */
export function fieldHistory(
  current: Schema,
  schemas: readonly Schema[],
  mapping: NameMapping,
): FieldHistory {
  // Most streams name what the table has and never ask; the schemas of years are not cheap to read.
  let known: { readonly live: ReadonlySet<number>; readonly former: FormerIds } | undefined
  return {
    find: (parent, name) => {
      known ??= { live: liveIds(current), former: formerIds(schemas) }
      const { live, former } = known
      const mapped = mapping.get(parent)?.get(name)
      if (mapped !== undefined && live.has(mapped)) return { kind: 'renamed', id: mapped }
      const id = former.get(keyOf(parent, name))
      return id === undefined ? undefined : { kind: live.has(id) ? 'renamed' : 'dropped', id }
    },
  }
}

/** By parent and name. */
type FormerIds = ReadonlyMap<string, number>

function liveIds(schema: Schema): ReadonlySet<number> {
  return new Set([...allFields(schema)].map(({ field }) => field.id))
}

function formerIds(schemas: readonly Schema[]): FormerIds {
  const former = new Map<string, number>()
  // From the oldest on, so that of several fields of one name the last one counts.
  for (const schema of schemas.toSorted((a, b) => a['schema-id'] - b['schema-id'])) {
    remember(former, 0, schema)
  }
  return former
}

function remember(former: Map<string, number>, parent: number, type: Type): void {
  for (const { id, name, type: below } of childFields(type)) {
    former.set(keyOf(parent, name), id)
    remember(former, id, below)
  }
}

function keyOf(parent: number, name: string): string {
  return `${parent}/${name}`
}
