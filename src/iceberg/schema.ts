/**
 * Schemas as trees of fields: how to walk them, find fields, and give them ids.
 *
 * List elements, map keys and map values count as fields too (named `element`, `key`, `value`),
 * because they have ids, and metrics and Parquet columns are found by id alone. Ids are assigned
 * in the reference implementation's order: all fields of a struct, then their children.
 */
import { isDeepStrictEqual } from 'node:util'
import { ServiceError, unreachable } from '../errors.ts'
import type {
  ListType,
  MapType,
  NestedField,
  PrimitiveType,
  Schema,
  TableMetadata,
  Type,
} from './types.ts'

/** Ids above are reserved for metadata columns. */
export const FIELD_ID_MAX = 2147483447

/** A field and where it stands. */
export interface FieldPosition {
  readonly field: NestedField
  /** Names from the top, joined by dots. */
  readonly path: string
  /** Inside a list or a map: one row may have many values, or none. */
  readonly isRepeated: boolean
}

export function isPrimitive(type: Type): type is PrimitiveType {
  return typeof type === 'string'
}

/** The fields directly below a type; none for a primitive. */
export function childFields(type: Type): readonly NestedField[] {
  if (isPrimitive(type)) return []
  switch (type.type) {
    case 'struct':
      return type.fields
    case 'list':
      return [elementField(type)]
    case 'map':
      return [keyField(type), valueField(type)]
    default:
      return unreachable(type)
  }
}

/** Every field, parents before children, in the order in which Parquet stores columns. */
export function* allFields(type: Type, parent?: FieldPosition): Generator<FieldPosition> {
  const isRepeated = (parent?.isRepeated ?? false) || (!isPrimitive(type) && type.type !== 'struct')
  for (const field of childFields(type)) {
    const path = parent === undefined ? field.name : `${parent.path}.${field.name}`
    const position = { field, path, isRepeated }
    yield position
    yield* allFields(field.type, position)
  }
}

/** The columns that hold values: every field of a primitive type. */
export function* leafFields(type: Type): Generator<FieldPosition> {
  for (const position of allFields(type)) {
    if (isPrimitive(position.field.type)) yield position
  }
}

export function positionById(type: Type, id: number): FieldPosition | undefined {
  for (const position of allFields(type)) if (position.field.id === id) return position
  return undefined
}

export function fieldById(type: Type, id: number): NestedField | undefined {
  return positionById(type, id)?.field
}

/** By names from the top, joined by dots. */
export function fieldByPath(type: Type, path: string): NestedField | undefined {
  return positionByPath(type, path)?.field
}

export function positionByPath(type: Type, path: string): FieldPosition | undefined {
  for (const position of allFields(type)) if (position.path === path) return position
  return undefined
}

/** 0 for a schema without fields. */
export function highestFieldId(type: Type): number {
  let highest = 0
  for (const { field } of allFields(type)) highest = Math.max(highest, field.id)
  return highest
}

export function schemaById(metadata: TableMetadata, id: number): Schema | undefined {
  return metadata.schemas.find((schema) => schema['schema-id'] === id)
}

/** @throws ServiceError `corrupt` when the metadata names a schema that it does not have. */
export function currentSchema(metadata: TableMetadata): Schema {
  const id = metadata['current-schema-id']
  const schema = schemaById(metadata, id)
  if (schema !== undefined) return schema
  throw new ServiceError('corrupt', `the current schema ${id} is not in the table metadata`)
}

/** Equal but for the schema id: the same fields with the same ids, and the same identifiers. */
export function isSameSchema(a: Schema, b: Schema): boolean {
  return isDeepStrictEqual(a.fields, b.fields) && isDeepStrictEqual(identifiers(a), identifiers(b))
}

/** The same schema with ids from `firstId` on; identifier fields follow their fields. */
export function assignFreshIds(schema: Schema, firstId = 1): Schema {
  return remapIds(schema, firstId).schema
}

/**
 * {@link assignFreshIds}, and the way from old ids to new ones.
 *
 * `freshId` throws ServiceError `invalid` for an id that the old schema has not, or has twice.
 */
export function remapIds(
  schema: Schema,
  firstId = 1,
): { readonly schema: Schema; readonly freshId: (id: number) => number } {
  let next = firstId
  const renamed = new Map<number, number | 'twice'>()
  const struct = withFreshIds({ type: 'struct', fields: schema.fields }, (old) => {
    renamed.set(old, renamed.has(old) ? 'twice' : next)
    return next++
  })
  const freshId = (id: number) => {
    const fresh = renamed.get(id)
    if (typeof fresh === 'number') return fresh
    const fault = fresh === 'twice' ? 'stands for two fields of' : 'is not in'
    throw new ServiceError('invalid', `field id ${id} ${fault} the schema`)
  }
  const ids = schema['identifier-field-ids']
  const identified = ids === undefined ? {} : { 'identifier-field-ids': ids.map(freshId) }
  return { schema: { ...schema, ...identified, fields: struct.fields }, freshId }
}

/** The same type with every id replaced by `nextId(old id)`, asked in the order of assignment. */
export function withFreshIds<T extends Type>(type: T, nextId: (oldId: number) => number): T
export function withFreshIds(type: Type, nextId: (oldId: number) => number): Type {
  if (isPrimitive(type)) return type
  switch (type.type) {
    case 'struct': {
      const ids = type.fields.map((field) => nextId(field.id))
      return { ...type, fields: type.fields.map((field, i) => freshField(field, ids[i]!, nextId)) }
    }
    case 'list': {
      const id = nextId(type['element-id'])
      return { ...type, 'element-id': id, element: withFreshIds(type.element, nextId) }
    }
    case 'map': {
      const keyId = nextId(type['key-id'])
      const valueId = nextId(type['value-id'])
      const key = withFreshIds(type.key, nextId)
      const value = withFreshIds(type.value, nextId)
      return { ...type, 'key-id': keyId, key, 'value-id': valueId, value }
    }
    default:
      return unreachable(type)
  }
}

function freshField(field: NestedField, id: number, nextId: (oldId: number) => number) {
  return { ...field, id, type: withFreshIds(field.type, nextId) }
}

function identifiers(schema: Schema): readonly number[] {
  return [...(schema['identifier-field-ids'] ?? [])].sort((a, b) => a - b)
}

function elementField(type: ListType): NestedField {
  const required = type['element-required']
  return { id: type['element-id'], name: 'element', required, type: type.element }
}

function keyField(type: MapType): NestedField {
  return { id: type['key-id'], name: 'key', required: true, type: type.key }
}

function valueField(type: MapType): NestedField {
  const required = type['value-required']
  return { id: type['value-id'], name: 'value', required, type: type.value }
}
