/**
 * Avro schemas as Iceberg uses them: every field carries a field id, and ids alone say which is
 * which. Building blocks for our own schemas, and the reduction of anyone's schema to the plain
 * one that decides the bytes, in which fields are named after their ids.
 */
import { ServiceError } from '../errors.ts'
import { type JsonObject, readArray, readInt, readObject, readString } from './json-reader.ts'
import { decimalBytes, decimalOf, fixedLengthOf } from './primitive.ts'
import type { PrimitiveType } from './types.ts'

/** A raw schema: JSON with Iceberg's own attributes. */
export type AvroSchema = string | readonly AvroSchema[] | { readonly [attribute: string]: unknown }

const PLAIN_TYPES = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']
/** Manifests nest four deep; a schema that goes on for ever must end somewhere. */
const DEPTH_MAX = 32

export function recordOf(name: string, fields: readonly AvroSchema[]): AvroSchema {
  return { type: 'record', name, fields }
}

export function requiredField(id: number, name: string, type: AvroSchema): AvroSchema {
  return { name, type, 'field-id': id }
}

/** Null comes first and is the default: other unions are not understood everywhere. */
export function optionalField(id: number, name: string, type: AvroSchema): AvroSchema {
  return { name, type: ['null', type], default: null, 'field-id': id }
}

export function listOf(elementId: number, items: AvroSchema): AvroSchema {
  return { type: 'array', items, 'element-id': elementId }
}

/** A map with integer keys, which Avro has not: an array of pairs that says that it is a map. */
export function intMapOf(keyId: number, valueId: number, value: AvroSchema): AvroSchema {
  const pair = recordOf(`k${keyId}_v${valueId}`, [
    requiredField(keyId, 'key', 'int'),
    requiredField(valueId, 'value', value),
  ])
  return { type: 'array', items: pair, logicalType: 'map' }
}

/**
 * The type of a partition value. Fixed types are named after the field: a name that is used twice
 * is legal as a reference, but not understood by every reader.
 */
export function valueSchema(type: PrimitiveType, fieldId: number): AvroSchema {
  const decimal = decimalOf(type)
  if (decimal !== undefined) {
    const { precision, scale } = decimal
    const name = `decimal_${precision}_${scale}_${fieldId}`
    const size = decimalBytes(precision)
    return { type: 'fixed', name, size, logicalType: 'decimal', precision, scale }
  }
  const length = fixedLengthOf(type)
  if (length !== undefined) {
    return { type: 'fixed', name: `fixed_${length}_${fieldId}`, size: length }
  }
  switch (type) {
    case 'binary':
      return 'bytes'
    case 'date':
      return { type: 'int', logicalType: 'date' }
    case 'time':
      return { type: 'long', logicalType: 'time-micros' }
    case 'timestamp':
    case 'timestamptz':
      return timestampSchema('timestamp-micros', type === 'timestamptz')
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return timestampSchema('timestamp-nanos', type === 'timestamptz_ns')
    case 'uuid':
      return { type: 'fixed', name: `uuid_fixed_${fieldId}`, size: 16, logicalType: 'uuid' }
    case 'unknown':
      throw new ServiceError('invalid', 'a column of unknown type has no values to partition by')
    default:
      return type
  }
}

/** As the reference implementation renames what Avro does not allow as a name. */
export function avroName(name: string): string {
  const units = Array.from({ length: name.length }, (_, i) => name.charAt(i))
  const safe = units.map((unit, i) => {
    if (/[A-Za-z_]/.test(unit) || (i > 0 && /\d/.test(unit))) return unit
    return /\d/.test(unit) ? `_${unit}` : `_x${unit.charCodeAt(0).toString(16).toUpperCase()}`
  })
  return safe.join('')
}

/** Ids of record fields that hold decimals: their bytes are numbers. */
export function decimalFieldIds(schema: AvroSchema): Set<number> {
  const ids = new Set<number>()
  for (const field of fieldsOf(schema)) {
    const type = withoutNull(field['type'] as AvroSchema)
    if (isNode(type) && type['logicalType'] === 'decimal') ids.add(fieldId(field) ?? -1)
  }
  return ids
}

/** The record below a field of this id, wherever it is; undefined when there is none. */
export function recordWithId(schema: AvroSchema, id: number): AvroSchema | undefined {
  for (const field of fieldsOf(schema)) {
    const type = withoutNull(field['type'] as AvroSchema)
    if (fieldId(field) === id) return type
    const found = recordWithId(type, id)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * The schema that decides the bytes and nothing else. Fields are named by `nameOf` their id, or
 * by their place when they have none, so that values come out under names that we chose.
 *
 * @throws ServiceError `invalid` for what is no Avro schema.
 */
export function plainSchema(schema: AvroSchema, nameOf: (fieldId: number) => string): AvroSchema {
  const names = new Map<string, string>()
  let defined = 0
  const define = (node: JsonObject) => {
    // Counted by itself: some writers define one name twice.
    const plain = `t${defined++}`
    const name = readString(node['name'], 'name of a type')
    names.set(name, plain)
    return plain
  }
  const reduce = (value: unknown, depth: number): AvroSchema => {
    if (depth > DEPTH_MAX) throw new ServiceError('invalid', 'the Avro schema nests too deep')
    if (typeof value === 'string') return PLAIN_TYPES.includes(value) ? value : known(names, value)
    if (Array.isArray(value)) return value.map((branch) => reduce(branch, depth + 1))
    const node = readObject(value, 'Avro type')
    const { type } = node
    switch (type) {
      case 'record': {
        const name = define(node)
        const fields = readArray(node['fields'], 'fields').map((item, place) => {
          const field = readObject(item, 'field')
          const id = fieldId(field)
          const fieldName = id === undefined ? `x${place}` : nameOf(id)
          return { name: fieldName, type: reduce(field['type'], depth + 1) }
        })
        return { type, name, fields }
      }
      case 'fixed':
        return { type, name: define(node), size: readInt(node['size'], 'size') }
      case 'enum':
        return { type, name: define(node), symbols: readArray(node['symbols'], 'symbols') }
      case 'array':
        return { type, items: reduce(node['items'], depth + 1) }
      case 'map':
        return { type, values: reduce(node['values'], depth + 1) }
      default:
        return reduce(type, depth + 1)
    }
  }
  return reduce(schema, 0)
}

function known(names: ReadonlyMap<string, string>, name: string): string {
  const plain = names.get(name) ?? names.get(name.slice(name.lastIndexOf('.') + 1))
  if (plain !== undefined) return plain
  throw new ServiceError('invalid', `Avro type ${JSON.stringify(name.slice(0, 60))} is not defined`)
}

function timestampSchema(logicalType: string, isUtc: boolean): AvroSchema {
  return { type: 'long', logicalType, 'adjust-to-utc': isUtc }
}

function fieldsOf(schema: AvroSchema): readonly JsonObject[] {
  const fields = isNode(schema) ? schema['fields'] : undefined
  return Array.isArray(fields) ? (fields as JsonObject[]) : []
}

function withoutNull(type: AvroSchema): AvroSchema {
  if (!Array.isArray(type)) return type
  return (type as readonly AvroSchema[]).find((branch) => branch !== 'null') ?? 'null'
}

function fieldId(field: JsonObject): number | undefined {
  const id = field['field-id']
  return typeof id === 'number' ? id : undefined
}

function isNode(schema: AvroSchema): schema is JsonObject {
  return typeof schema === 'object' && !Array.isArray(schema)
}
