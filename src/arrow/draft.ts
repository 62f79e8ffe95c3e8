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
  const drafter = new Drafter(options)
  const fields = drafter.fields(schema.fields, '')
  if (fields.length > 0) return { fields, fieldCount: drafter.fieldCount, paths: drafter.paths }
  throw new RefusedError({
    path: '',
    expected: 'at least one column with a type',
    received: 'no columns',
    remedy: 'send a schema with columns to store',
  })
}

/** Walks depth first, once. */
class Drafter {
  fieldCount = 0
  readonly paths: string[] = []
  readonly #options: DraftOptions

  constructor(options: DraftOptions) {
    this.#options = options
  }

  fields(fields: readonly ArrowField[], path: string): DraftField[] {
    const refusals = nameRefusals(fields, path)
    return fields.map((field, i) => {
      const draft = this.#field(field, joinPath(path, field.name || `[${i}]`))
      const refusal = refusals[i]
      return refusal ? { ...draft, type: { kind: 'refused', refusal } } : draft
    })
  }

  #field(field: ArrowField, path: string): DraftField {
    const index = this.fieldCount++
    this.paths.push(path)
    const received = describeType(field)
    const required = !field.nullable
    return { name: field.name, path, required, index, received, type: this.#type(field, path) }
  }

  #type(field: ArrowField, path: string): DraftType {
    switch (field.type.kind) {
      case 'struct':
        return { kind: 'struct', fields: this.fields(field.children, path) }
      case 'list':
        return { kind: 'list', element: this.#element(field, path) }
      case 'fixed-size-list': {
        const { size } = field.type
        if (size === 0) return this.#refused(field, path, 'send lists of at least one element')
        return { kind: 'list', element: this.#element(field, path), dimension: size }
      }
      case 'map':
        return this.#map(field, path)
      default:
        return this.#primitive(field, path)
    }
  }

  #primitive(field: ArrowField, path: string): DraftType {
    const mapping = primitiveFor(field, this.#options, this.#options.formatVersion)
    switch (mapping.kind) {
      case 'refused':
        return this.#refused(field, path, mapping.remedy)
      case 'skip':
        return { kind: 'null' }
      default:
        return { ...mapping, kind: 'primitive' }
    }
  }

  #element(field: ArrowField, path: string): DraftField {
    const child = field.children[0] as ArrowField
    return { ...this.#field(child, childPath(field, 0, path)), name: 'element' }
  }

  #map(field: ArrowField, path: string): DraftType {
    const entries = field.children[0] as ArrowField
    // The entries struct has a place in Arrow's order and none in Iceberg's.
    this.fieldCount++
    const [key, value] = entries.children as [ArrowField, ArrowField]
    return {
      kind: 'map',
      key: { ...this.#field(key, `${path}.key`), name: 'key', required: true },
      value: { ...this.#field(value, `${path}.value`), name: 'value' },
    }
  }

  #refused(field: ArrowField, path: string, remedy: string): DraftType {
    const expected = storable(this.#options)
    return { kind: 'refused', refusal: { path, expected, received: describeType(field), remedy } }
  }
}

/** What a refusal of a type expects. */
export function storable({ formatVersion }: Pick<DraftOptions, 'formatVersion'>): string {
  return `a type that an Iceberg v${formatVersion} table can hold`
}
