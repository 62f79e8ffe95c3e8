/**
 * A table's schema as Arrow clients ask for it (GetSchema, FlightInfo): an encapsulated IPC schema
 * message, without an end of stream behind it. The input is ours, so a library may write it.
 */
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Field,
  FixedSizeBinary,
  Float32,
  Float64,
  Int32,
  Int64,
  Schema as LibrarySchema,
  List,
  Map_,
  Null,
  Struct,
  Table,
  TimeMicrosecond,
  TimestampMicrosecond,
  TimestampNanosecond,
  tableToIPC,
  Utf8,
} from 'apache-arrow'
import { ServiceError } from '../errors.ts'
import type { NestedField, PrimitiveType, Schema, Type } from '../iceberg/types.ts'

/** Readers of Parquet and Iceberg find the field id under this key. */
const FIELD_ID_KEY = 'PARQUET:field_id'
const PREFIX_BYTES = 8

/** Continuation, length, flatbuffer: what `FlightInfo.schema` and `SchemaResult.schema` hold. */
export function schemaToIpc(
  schema: Schema,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const fields = schema.fields.map(toField)
  const library = new LibrarySchema(fields, new Map(Object.entries(metadata)))
  const stream = tableToIPC(new Table(library), 'stream')
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength)
  // The stream goes on with an end mark that a single message must not have.
  return stream.slice(0, PREFIX_BYTES + view.getInt32(4, true))
}

function toField({ id, name, required, type }: NestedField): Field {
  const metadata = new Map([[FIELD_ID_KEY, String(id)]])
  if (type === 'uuid') metadata.set('ARROW:extension:name', 'arrow.uuid')
  return new Field(name, toType(type), !required, metadata)
}

function toType(type: Type): DataType {
  if (typeof type === 'string') return toPrimitive(type)
  switch (type.type) {
    case 'struct':
      return new Struct(type.fields.map(toField))
    case 'list':
      return new List(
        toField({
          id: type['element-id'],
          name: 'element',
          required: type['element-required'],
          type: type.element,
        }),
      )
    default: {
      const key = toField({ id: type['key-id'], name: 'key', required: true, type: type.key })
      const value = toField({
        id: type['value-id'],
        name: 'value',
        required: type['value-required'],
        type: type.value,
      })
      return new Map_(
        new Field('entries', new Struct<{ key: DataType; value: DataType }>([key, value]), false),
      )
    }
  }
}

const PRIMITIVES: Readonly<Record<string, () => DataType>> = {
  boolean: () => new Bool(),
  int: () => new Int32(),
  long: () => new Int64(),
  float: () => new Float32(),
  double: () => new Float64(),
  date: () => new DateDay(),
  time: () => new TimeMicrosecond(),
  timestamp: () => new TimestampMicrosecond(),
  timestamptz: () => new TimestampMicrosecond('UTC'),
  timestamp_ns: () => new TimestampNanosecond(),
  timestamptz_ns: () => new TimestampNanosecond('UTC'),
  string: () => new Utf8(),
  uuid: () => new FixedSizeBinary(16),
  binary: () => new Binary(),
  unknown: () => new Null(),
}

function toPrimitive(type: PrimitiveType): DataType {
  const create = PRIMITIVES[type]
  if (create) return create()
  const numbers = [...type.matchAll(/\d+/g)].map(Number)
  const [first, second] = numbers
  if (type.startsWith('decimal') && first !== undefined && second !== undefined) {
    return new Decimal(second, first, 128)
  }
  if (type.startsWith('fixed') && first !== undefined) return new FixedSizeBinary(first)
  throw new ServiceError('unsupported', `the type ${type} has no arrow type here`)
}
