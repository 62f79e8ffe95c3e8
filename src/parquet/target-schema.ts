/**
 * The table's schema as the Arrow schema that the Parquet writer is given.
 *
 * Promises: every level has its field id, lists name their child `element` and maps their group
 * `key_value` (as Parquet asks), required is non-nullable, zoned timestamps are in "UTC".
 */
import {
  Schema as ArrowSchema,
  Binary,
  Bool,
  type DataType,
  Date_,
  DateUnit,
  Decimal,
  Field,
  FixedSizeBinary,
  Float32,
  Float64,
  Int32,
  Int64,
  List,
  Map_,
  Struct,
  Time,
  Timestamp,
  TimeUnit,
  Utf8,
} from 'apache-arrow'
import { Message } from 'apache-arrow/ipc/metadata/message'
import { storedFields } from '../arrow/kernels/project.ts'
import { ServiceError, unreachable } from '../errors.ts'
import { decimalOf, fixedLengthOf } from '../iceberg/primitive.ts'
import type { NestedField, PrimitiveType, StructType, Type } from '../iceberg/types.ts'

/** The flatbuffer `Message` with the schema. */
export function targetSchemaMessage(schema: StructType): Uint8Array {
  const arrow = new ArrowSchema(storedFields(schema).map(arrowField))
  return Message.encode(Message.from(arrow))
}

/** Ids of the UUID columns at any depth. */
export function uuidFieldIds(schema: StructType): Set<number> {
  const ids = new Set<number>()
  const visit = (field: NestedField): void => {
    if (field.type === 'uuid') ids.add(field.id)
    for (const child of childrenOf(field.type)) visit(child)
  }
  for (const field of schema.fields) visit(field)
  return ids
}

function childrenOf(type: Type): readonly NestedField[] {
  if (typeof type === 'string') return []
  switch (type.type) {
    case 'struct':
      return storedFields(type)
    case 'list': {
      const { element, 'element-id': id, 'element-required': required } = type
      return [{ id, name: 'element', required, type: element }]
    }
    case 'map':
      return [
        { id: type['key-id'], name: 'key', required: true, type: type.key },
        { id: type['value-id'], name: 'value', required: type['value-required'], type: type.value },
      ]
    default:
      return unreachable(type)
  }
}

function arrowField(field: NestedField): Field {
  const metadata = new Map([['PARQUET:field_id', String(field.id)]])
  return new Field(field.name, arrowType(field.type), !field.required, metadata)
}

function arrowType(type: Type): DataType {
  if (typeof type === 'string') return primitiveType(type)
  const children = childrenOf(type).map(arrowField)
  switch (type.type) {
    case 'struct':
      return new Struct(children)
    case 'list':
      return new List(children[0] as Field)
    case 'map': {
      const entries = () => new Field('key_value', new Struct(children), false)
      const map = new Map_(entries() as ConstructorParameters<typeof Map_>[0])
      // The constructor renames the field that it is given to "entries".
      map.children[0] = entries() as (typeof map.children)[0]
      return map
    }
    default:
      return unreachable(type)
  }
}

function primitiveType(type: PrimitiveType): DataType {
  switch (type) {
    case 'boolean':
      return new Bool()
    case 'int':
      return new Int32()
    case 'long':
      return new Int64()
    case 'float':
      return new Float32()
    case 'double':
      return new Float64()
    case 'date':
      return new Date_(DateUnit.DAY)
    case 'time':
      return new Time(TimeUnit.MICROSECOND, 64)
    case 'timestamp':
      return new Timestamp(TimeUnit.MICROSECOND)
    case 'timestamptz':
      return new Timestamp(TimeUnit.MICROSECOND, 'UTC')
    case 'timestamp_ns':
      return new Timestamp(TimeUnit.NANOSECOND)
    case 'timestamptz_ns':
      return new Timestamp(TimeUnit.NANOSECOND, 'UTC')
    case 'string':
      return new Utf8()
    case 'binary':
      return new Binary()
    case 'uuid':
      return new FixedSizeBinary(16)
    default: {
      const decimal = decimalOf(type)
      if (decimal) return new Decimal(decimal.scale, decimal.precision, 128)
      const length = fixedLengthOf(type)
      if (length !== undefined) return new FixedSizeBinary(length)
      throw new ServiceError('invalid', `type ${type} cannot be stored in parquet`)
    }
  }
}
