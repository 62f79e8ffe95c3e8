/**
 * An Arrow schema as Iceberg would have it, before any field has an id.
 *
 * Each part remembers the place of its Arrow field in depth-first order and the path by which a
 * refusal names it. Decides types and names; knows no table.
 */
import type { PrimitiveType } from '../iceberg/types.ts'
import { checkNames } from './column-names.ts'
import { describeType, primitiveFor, type TypeOptions } from './iceberg-types.ts'
import { childPath } from './layout.ts'
import { RefusedError } from './refusal.ts'
import type { ArrowField, ArrowSchema } from './schema.ts'

export interface DraftField {
  readonly name: string
  readonly path: string
  readonly required: boolean
  /** Depth-first index of the Arrow field. */
  readonly index: number
  /** The Arrow type, as messages name it. */
  readonly received: string
  readonly type: DraftType
}

export type DraftType =
  | { readonly kind: 'primitive'; readonly type: PrimitiveType }
  | { readonly kind: 'list'; readonly element: DraftField }
  | { readonly kind: 'struct'; readonly fields: readonly DraftField[] }
  | { readonly kind: 'map'; readonly key: DraftField; readonly value: DraftField }
  /** Not stored: a column of Arrow's null type. */
  | { readonly kind: 'skip' }

export interface Draft {
  readonly fields: readonly DraftField[]
  /** Arrow fields at all depths. */
  readonly fieldCount: number
}

const STORABLE = 'a type that an Iceberg v2 table can hold'

/** @throws RefusedError for a type or a name that cannot be stored. */
export function draftOf(schema: ArrowSchema, options: TypeOptions): Draft {
  let fieldCount = 0

  function draftField(field: ArrowField, path: string): DraftField {
    const index = fieldCount++
    const received = describeType(field)
    const required = !field.nullable
    return { name: field.name, path, required, index, received, type: draftType(field, path) }
  }

  function draftType(field: ArrowField, path: string): DraftType {
    switch (field.type.kind) {
      case 'struct':
        return struct(field, path)
      case 'list':
        return { kind: 'list', element: element(field, path) }
      case 'fixed-size-list':
        if (field.type.size === 0) throw refuse(field, path, 'send lists of at least one element')
        return { kind: 'list', element: element(field, path) }
      case 'map':
        return map(field, path)
      default:
        return primitive(field, path)
    }
  }

  function primitive(field: ArrowField, path: string): DraftType {
    const mapping = primitiveFor(field, options)
    if (mapping.kind === 'refused') throw refuse(field, path, mapping.remedy)
    return mapping.kind === 'skip' ? mapping : { kind: 'primitive', type: mapping.type }
  }

  function struct(field: ArrowField, path: string): DraftType {
    checkNames(field.children, path)
    const fields = field.children.map((child) => draftField(child, `${path}.${child.name}`))
    if (fields.every(({ type }) => type.kind === 'skip')) {
      throw refuse(field, path, 'give the struct at least one field with a type, or leave it out')
    }
    return { kind: 'struct', fields }
  }

  function element(field: ArrowField, path: string): DraftField {
    const child = field.children[0] as ArrowField
    return typed(draftField(child, childPath(field, 0, path)), 'element')
  }

  function map(field: ArrowField, path: string): DraftType {
    const entries = field.children[0] as ArrowField
    // The entries struct has a place in Arrow's order and none in Iceberg's.
    fieldCount++
    const [key, value] = entries.children as [ArrowField, ArrowField]
    return {
      kind: 'map',
      key: { ...typed(draftField(key, `${path}.key`), 'key'), required: true },
      value: typed(draftField(value, `${path}.value`), 'value'),
    }
  }

  checkNames(schema.fields, '')
  const fields = schema.fields.map((field) => draftField(field, field.name))
  if (fields.every(({ type }) => type.kind === 'skip')) {
    throw new RefusedError({
      path: '',
      expected: 'at least one column with a type',
      received: fields.length === 0 ? 'no columns' : 'columns of type null only',
      remedy: 'send a schema with columns to store',
    })
  }
  return { fields, fieldCount }
}

/** Elements, keys and values have no name to be left out by. */
function typed(field: DraftField, name: string): DraftField {
  if (field.type.kind !== 'skip') return { ...field, name }
  throw new RefusedError({
    path: field.path,
    expected: STORABLE,
    received: field.received,
    remedy: 'give it the type that later values will have',
  })
}

function refuse(field: ArrowField, path: string, remedy: string): RefusedError {
  return new RefusedError({ path, expected: STORABLE, received: describeType(field), remedy })
}
