/**
 * Which names the fields of one struct may have.
 *
 * Engines resolve names without regard to case, and Iceberg finds nested fields by dotted path, so
 * names must differ in more than case, and a dotted name must not spell the path of another field.
 */
import type { Schema, Type } from '../iceberg/types.ts'
import { RefusedError } from './refusal.ts'
import type { ArrowField } from './schema.ts'

export const COLUMN_NAME_BYTES_MAX = 255

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

/** `path` is the struct's own; empty at the top. @throws RefusedError naming the field. */
export function checkNames(fields: readonly ArrowField[], path: string): void {
  const seen = new Map<string, string>()
  for (const [i, { name }] of fields.entries()) {
    const at = joinPath(path, name === '' ? `[${i}]` : name)
    if (name === '') throw refuse(at, 'a name', 'an empty name', 'name the column')
    if (Buffer.byteLength(name) > COLUMN_NAME_BYTES_MAX || CONTROL.test(name)) {
      throw refuse(
        at.slice(0, COLUMN_NAME_BYTES_MAX),
        `a name of at most ${COLUMN_NAME_BYTES_MAX} bytes without control characters`,
        JSON.stringify(name.slice(0, COLUMN_NAME_BYTES_MAX)),
        'rename the column',
      )
    }
    if (path === '' && RESERVED.has(name.toLowerCase())) {
      throw refuse(at, 'a name that engines do not reserve', name, 'rename the column')
    }
    const twin = seen.get(foldCase(name))
    if (twin !== undefined) {
      const how = twin === name ? 'the same name twice' : `${twin}, which differs in case only`
      throw refuse(at, 'names that differ in more than case', how, 'rename one of the columns')
    }
    seen.set(foldCase(name), name)
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
