/**
 * Which names the fields of one struct may have.
 *
 * Engines resolve names without regard to case, and Iceberg finds nested fields by dotted path, so
 * names must differ in more than case, and a dotted name must not spell the path of another field.
 */
import type { Schema, Type } from '../iceberg/types.ts'
import { type Refusal, RefusedError } from './refusal.ts'
import type { ArrowField } from './schema.ts'

export const COLUMN_NAME_BYTES_MAX = 255
/** Paths of refused names come from outside: a message stays a sentence. */
const PATH_CHARACTERS_MAX = 255

/** Columns that engines add to every Iceberg table. */
const RESERVED = new Set([
  '_file',
  '_pos',
  '_deleted',
  '_spec_id',
  '_partition',
  '_row_id',
  '_last_updated_sequence_number',
  '_change_type',
  '_change_ordinal',
  '_commit_snapshot_id',
])
const CONTROL = /\p{Cc}/u

/** Why a field of a struct cannot have its name, by place; `path` is the struct's own. */
export function nameRefusals(
  fields: readonly ArrowField[],
  path: string,
): readonly (Refusal | undefined)[] {
  const seen = new Map<string, string>()
  return fields.map(({ name }, i) => {
    const twin = seen.get(foldCase(name))
    if (twin === undefined) seen.set(foldCase(name), name)
    const at = joinPath(path, name === '' ? `[${i}]` : name)
    const defect = nameDefect(name, twin, path === '')
    return defect && { path: at.slice(0, PATH_CHARACTERS_MAX), ...defect }
  })
}

function nameDefect(
  name: string,
  twin: string | undefined,
  isColumn: boolean,
): Omit<Refusal, 'path'> | undefined {
  if (name === '') {
    return { expected: 'a name', received: 'an empty name', remedy: 'name the column' }
  }
  if (Buffer.byteLength(name) > COLUMN_NAME_BYTES_MAX || CONTROL.test(name)) {
    return {
      expected: `a name of at most ${COLUMN_NAME_BYTES_MAX} bytes without control characters`,
      received: JSON.stringify(name.slice(0, COLUMN_NAME_BYTES_MAX)),
      remedy: 'rename the column',
    }
  }
  if (isColumn && RESERVED.has(name.toLowerCase())) {
    const expected = 'a name that engines do not reserve'
    return { expected, received: name, remedy: 'rename the column' }
  }
  if (twin === undefined) return undefined
  return {
    expected: 'names that differ in more than case',
    received: twin === name ? 'the same name twice' : `${twin}, which differs in case only`,
    remedy: 'rename one of the columns',
  }
}

/** How engines that do not regard case compare names. */
export function foldCase(name: string): string {
  return name.toLowerCase()
}

/** Nested under `path`, which is empty at the top. */
export function joinPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

/** @throws RefusedError when two fields of the schema have the same dotted path. */
export function checkPaths(schema: Schema): void {
  const seen = new Set<string>()
  visit(schema, '')

  function visit(type: Type, path: string): void {
    for (const [name, child] of childrenOf(type)) {
      const at = joinPath(path, name)
      if (seen.has(foldCase(at))) {
        throw refuse(at, 'one field for each dotted path', `a second ${at}`, 'rename the column')
      }
      seen.add(foldCase(at))
      visit(child, at)
    }
  }
}

function childrenOf(type: Type): readonly (readonly [string, Type])[] {
  if (typeof type === 'string') return []
  switch (type.type) {
    case 'struct':
      return type.fields.map((field) => [field.name, field.type] as const)
    case 'list':
      return [['element', type.element]]
    default:
      return [
        ['key', type.key],
        ['value', type.value],
      ]
  }
}

function refuse(path: string, expected: string, received: string, remedy: string): RefusedError {
  return new RefusedError({ path, expected, received, remedy })
}
