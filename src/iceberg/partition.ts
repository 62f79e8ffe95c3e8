/**
 * Partition specs and sort orders: which are valid for a schema, and which mean the same.
 *
 * Promises: a spec that passes here can be applied to every row of the schema, and its field ids
 * never change their meaning within a table.
 */
import { isDeepStrictEqual } from 'node:util'
import { ServiceError } from '../errors.ts'
import { isPrimitive, positionById } from './schema.ts'
import { resultType } from './transform.ts'
import type {
  PartitionField,
  PartitionSpec,
  PrimitiveType,
  Schema,
  SortOrder,
  TableMetadata,
  Transform,
} from './types.ts'

export { parseTransform, resultType, transformFunction } from './transform.ts'

/** The first id of a partition field; below are the ids of columns. */
export const PARTITION_ID_FIRST = 1000

export const UNPARTITIONED: PartitionSpec = { 'spec-id': 0, fields: [] }
export const UNSORTED: SortOrder = { 'order-id': 0, fields: [] }

export function specById(metadata: TableMetadata, id: number): PartitionSpec | undefined {
  return metadata['partition-specs'].find((spec) => spec['spec-id'] === id)
}

/** @throws ServiceError `corrupt` when the metadata names a spec that it does not have. */
export function defaultSpec(metadata: TableMetadata): PartitionSpec {
  const id = metadata['default-spec-id']
  const spec = specById(metadata, id)
  if (spec !== undefined) return spec
  throw new ServiceError('corrupt', `the default spec ${id} is not in the table metadata`)
}

/** Undefined when the table is unsorted. @throws ServiceError `corrupt` when its order is missing. */
export function defaultSortOrder(metadata: TableMetadata): SortOrder | undefined {
  const id = metadata['default-sort-order-id']
  const order = metadata['sort-orders'].find((known) => known['order-id'] === id)
  if (order !== undefined) return order.fields.length === 0 ? undefined : order
  if (id === UNSORTED['order-id']) return undefined
  throw new ServiceError('corrupt', `the default sort order ${id} is not in the table metadata`)
}

/** The type of the column that the field is made from. @throws ServiceError `invalid`. */
export function sourceType(schema: Schema, field: PartitionField): PrimitiveType {
  return scalarType(schema, field['source-id'], `partition field ${JSON.stringify(field.name)}`)
}

/** The types of a partition's values, in the spec's order. @throws ServiceError `invalid`. */
export function partitionTypes(schema: Schema, spec: PartitionSpec): PrimitiveType[] {
  return spec.fields.map((field) => {
    // A dropped column may leave its field behind, but only as one that is always null.
    const isGone = positionById(schema, field['source-id']) === undefined
    if (isGone && field.transform === 'void') return 'int'
    return resultType(field.transform, sourceType(schema, field))
  })
}

/** @throws ServiceError `invalid` naming the field and the rule that it breaks. */
export function checkSpec(schema: Schema, spec: PartitionSpec): void {
  partitionTypes(schema, spec)
  const names = new Set<string>()
  const ids = new Set<number>()
  const meanings = new Set<string>()
  for (const field of spec.fields) {
    const { name, 'field-id': id, 'source-id': sourceId, transform } = field
    if (name === '') throw invalidField(field, 'has an empty name')
    if (names.has(name)) throw invalidField(field, 'has the name of another field')
    if (ids.has(id)) throw invalidField(field, `has the id ${id} of another field`)
    const meaning = `${sourceId} ${transform}`
    if (meanings.has(meaning)) throw invalidField(field, 'repeats another field')
    const column = schema.fields.find((candidate) => candidate.name === name)
    const isPlain = transform === 'identity' || transform === 'void'
    if (column !== undefined && !(isPlain && column.id === sourceId)) {
      throw invalidField(
        field,
        'has the name of a column: choose another, for example with a suffix',
      )
    }
    names.add(name)
    ids.add(id)
    meanings.add(meaning)
  }
}

/** @throws ServiceError `invalid` naming the field that the schema cannot be sorted by. */
export function checkSortOrder(schema: Schema, order: SortOrder): void {
  for (const { 'source-id': sourceId, transform } of order.fields) {
    resultType(transform, scalarType(schema, sourceId, 'sort field'))
  }
  if (order['order-id'] === 0 && order.fields.length > 0) {
    throw new ServiceError('invalid', 'sort order 0 means unsorted and has no fields')
  }
}

/** The same columns, transforms and names in the same order; ids of fields do not count. */
export function isSameSpec(a: PartitionSpec, b: PartitionSpec): boolean {
  return isDeepStrictEqual(a.fields.map(meaning), b.fields.map(meaning))
}

export function isSameOrder(a: SortOrder, b: SortOrder): boolean {
  return isDeepStrictEqual(a.fields, b.fields)
}

/**
 * The spec with field ids that fit the table. A field that older specs have keeps their id, even
 * under a new name if it came with that id; any other gets one that was never used.
 */
export function assignPartitionIds(
  spec: PartitionSpec,
  olderSpecs: readonly PartitionSpec[],
  lastPartitionId: number,
): { readonly spec: PartitionSpec; readonly lastPartitionId: number } {
  const older = olderSpecs.flatMap((known) => known.fields)
  let last = lastPartitionId
  const fields = spec.fields.map((field) => {
    const equal = older.filter((known) => isSameValue(known, field))
    const kept =
      equal.find((known) => known['field-id'] === field['field-id']) ??
      equal.find((known) => known.name === field.name)
    const id = kept?.['field-id'] ?? Math.max(field['field-id'], last + 1)
    last = Math.max(last, id)
    return { ...field, 'field-id': id }
  })
  return { spec: { ...spec, fields }, lastPartitionId: last }
}

function isSameValue(a: PartitionField, b: PartitionField): boolean {
  return a['source-id'] === b['source-id'] && a.transform === b.transform
}

function meaning(field: PartitionField): readonly [number, string, Transform] {
  return [field['source-id'], field.name, field.transform]
}

function scalarType(schema: Schema, id: number, what: string): PrimitiveType {
  const position = positionById(schema, id)
  if (position === undefined) throw new ServiceError('invalid', `${what} names no column: id ${id}`)
  const { field, isRepeated, path } = position
  if (isPrimitive(field.type) && !isRepeated) return field.type
  throw new ServiceError(
    'invalid',
    `${what} cannot use column ${path}: only a primitive outside lists and maps has one value a row`,
  )
}

function invalidField(field: PartitionField, fault: string): ServiceError {
  return new ServiceError('invalid', `partition field ${JSON.stringify(field.name)} ${fault}`)
}
