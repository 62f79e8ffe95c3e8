/**
 * An Arrow schema as Iceberg would have it, before any field has an id.
 *
 * Each part remembers the place of its Arrow field in depth-first order and the path by which a
 * refusal names it. Decides types and names; knows no table. A field that can never be stored is
 * part of the draft, with the reason, so that all of them can be told at once.
 */
import type { PrimitiveType } from '../iceberg/types.ts'
import { joinPath, nameRefusals } from './column-names.ts'
import {
  type Coarser,
  describeType,
  type FormatVersion,
  primitiveFor,
  type TypeOptions,
} from './iceberg-types.ts'
import { childPath } from './layout.ts'
import { type Refusal, RefusedError } from './refusal.ts'
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
  | {
      readonly kind: 'primitive'
      readonly type: PrimitiveType
      readonly coarser?: Coarser
      readonly loss?: string
    }
  /** `dimension`: of a list of fixed size. */
  | { readonly kind: 'list'; readonly element: DraftField; readonly dimension?: number }
  | { readonly kind: 'struct'; readonly fields: readonly DraftField[] }
  | { readonly kind: 'map'; readonly key: DraftField; readonly value: DraftField }
  /** Arrow's null type: no values, whatever the column's type is. */
  | { readonly kind: 'null' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

export interface Draft {
  readonly fields: readonly DraftField[]
  /** Arrow fields at all depths. */
  readonly fieldCount: number
  /** Of all fields, depth first. */
  readonly paths: readonly string[]
}

export interface DraftOptions extends TypeOptions {
  readonly formatVersion: FormatVersion
}

/** @throws RefusedError for a schema without columns. */
export function draftOf(schema: ArrowSchema, options: DraftOptions): Draft {
  let fieldCount = 0
  const paths: string[] = []

  function draftFields(fields: readonly ArrowField[], path: string): DraftField[] {
    const refusals = nameRefusals(fields, path)
    return fields.map((field, i) => {
      const draft = draftField(field, joinPath(path, field.name || `[${i}]`))
      const refusal = refusals[i]
      return refusal ? { ...draft, type: { kind: 'refused', refusal } } : draft
    })
  }

  function draftField(field: ArrowField, path: string): DraftField {
    const index = fieldCount++
    paths.push(path)
    const received = describeType(field)
    const required = !field.nullable
    return { name: field.name, path, required, index, received, type: draftType(field, path) }
  }

  function draftType(field: ArrowField, path: string): DraftType {
    switch (field.type.kind) {
      case 'struct':
        return { kind: 'struct', fields: draftFields(field.children, path) }
      case 'list':
        return { kind: 'list', element: element(field, path) }
      case 'fixed-size-list': {
        const { size } = field.type
        if (size === 0) return refused(field, path, 'send lists of at least one element')
        return { kind: 'list', element: element(field, path), dimension: size }
      }
      case 'map':
        return map(field, path)
      default:
        return primitive(field, path)
    }
  }

  function primitive(field: ArrowField, path: string): DraftType {
    const mapping = primitiveFor(field, options, options.formatVersion)
    switch (mapping.kind) {
      case 'refused':
        return refused(field, path, mapping.remedy)
      case 'skip':
        return { kind: 'null' }
      default:
        return { ...mapping, kind: 'primitive' }
    }
  }

  function element(field: ArrowField, path: string): DraftField {
    const child = field.children[0] as ArrowField
    return { ...draftField(child, childPath(field, 0, path)), name: 'element' }
  }

  function map(field: ArrowField, path: string): DraftType {
    const entries = field.children[0] as ArrowField
    // The entries struct has a place in Arrow's order and none in Iceberg's.
    fieldCount++
    const [key, value] = entries.children as [ArrowField, ArrowField]
    return {
      kind: 'map',
      key: { ...draftField(key, `${path}.key`), name: 'key', required: true },
      value: { ...draftField(value, `${path}.value`), name: 'value' },
    }
  }

  function refused(field: ArrowField, path: string, remedy: string): DraftType {
    const received = describeType(field)
    return { kind: 'refused', refusal: { path, expected: storable(options), received, remedy } }
  }

  const fields = draftFields(schema.fields, '')
  if (fields.length > 0) return { fields, fieldCount, paths }
  throw new RefusedError({
    path: '',
    expected: 'at least one column with a type',
    received: 'no columns',
    remedy: 'send a schema with columns to store',
  })
}

/** What a refusal of a type expects. */
export function storable({ formatVersion }: Pick<DraftOptions, 'formatVersion'>): string {
  return `a type that an Iceberg v${formatVersion} table can hold`
}
