/**
 * Arrow batches from plain values, and log entries from batches.
 *
 * Values are physical (a date64 is its milliseconds as bigint, a float16 its 16 bits), so that the
 * builder decides nothing. Null slots hold garbage, as Arrow allows.
 */
import {
  Schema as ArrowSchema,
  type Data,
  DataType,
  DateUnit,
  Field,
  type Int,
  MessageReader,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Struct,
  Vector,
} from 'apache-arrow'
import { definitionId, encodeMessage, encodeSchema } from '../../src/entry.ts'
import type { Type } from '../../src/iceberg/types.ts'
import type { EncodeEntry } from '../../src/parquet/encoder.ts'

export interface TestColumn {
  readonly name: string
  readonly type: DataType
  readonly fieldIds: readonly number[]
  readonly nullable?: boolean
  readonly metadata?: ReadonlyMap<string, string>
  readonly values: readonly unknown[]
}

const GARBAGE = 0xab

export function arrowData(type: DataType, values: readonly unknown[]): Data {
  const length = values.length
  const nullBitmap = new Uint8Array((length + 7) >> 3)
  let nullCount = 0
  values.forEach((value, row) => {
    if (value === null) nullCount += 1
    else nullBitmap[row >> 3]! |= 1 << (row & 7)
  })
  const common = { length, nullCount, nullBitmap: nullCount > 0 ? nullBitmap : null }
  const make = (props: object) => makeData({ type, ...common, ...props } as never) as Data

  if (DataType.isNull(type)) return makeData({ type, length } as never) as Data
  if (DataType.isDictionary(type)) {
    const distinct = [...new Set(values.filter((value) => value !== null))]
    const dictionary = new Vector([arrowData(type.dictionary, distinct)])
    const indices = values.map((value) => (value === null ? null : distinct.indexOf(value)))
    const isWide = (type.indices as DataType as Int).bitWidth === 64
    const data = arrowData(
      type.indices,
      isWide ? indices.map((i) => (i === null ? null : BigInt(i))) : indices,
    )
    return make({ data: data.values, dictionary })
  }
  if (DataType.isBool(type)) {
    const bits = new Uint8Array((length + 7) >> 3)
    values.forEach((value, row) => {
      if (value !== false) bits[row >> 3]! |= 1 << (row & 7)
    })
    return make({ data: bits })
  }
  if (
    DataType.isUtf8(type) ||
    DataType.isBinary(type) ||
    DataType.isLargeUtf8(type) ||
    DataType.isLargeBinary(type)
  ) {
    const parts = values.map(asBytes)
    const offsets = offsetsOf(parts.map((part) => part.length))
    const isLarge = DataType.isLargeUtf8(type) || DataType.isLargeBinary(type)
    return make({ data: Buffer.concat(parts), valueOffsets: isLarge ? wide(offsets) : offsets })
  }
  if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) {
    return make(viewBuffers(values.map(asBytes)))
  }
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isMap(type)) {
    const lists = values.map((value) => (value ?? []) as unknown[])
    const offsets = offsetsOf(lists.map((list) => list.length))
    const childType = (type.children[0] as Field).type as DataType
    const flat = DataType.isMap(type)
      ? lists.flat().map((pair) => {
          const [key, value] = pair as [unknown, unknown]
          const [k, v] = (childType as Struct).children.map((field) => field.name)
          return { [k as string]: key, [v as string]: value }
        })
      : lists.flat()
    const child = arrowData(childType, flat)
    return make({ valueOffsets: DataType.isLargeList(type) ? wide(offsets) : offsets, child })
  }
  if (DataType.isFixedSizeList(type)) {
    const { listSize, children } = type
    const flat = values.flatMap((value) => (value ?? Array(listSize).fill(null)) as unknown[])
    return make({ child: arrowData((children[0] as Field).type as DataType, flat) })
  }
  if (DataType.isStruct(type)) {
    const children = type.children.map((field) =>
      arrowData(
        field.type as DataType,
        values.map((value) => (value as Record<string, unknown> | null)?.[field.name] ?? null),
      ),
    )
    return make({ children })
  }
  return make({ data: fixedValues(type, values) })
}

function asBytes(value: unknown): Uint8Array {
  if (value === null) return new Uint8Array(0)
  return typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array)
}

function offsetsOf(lengths: readonly number[]): Int32Array {
  const offsets = new Int32Array(lengths.length + 1)
  lengths.forEach((length, i) => {
    offsets[i + 1] = (offsets[i] as number) + length
  })
  return offsets
}

function wide(offsets: Int32Array): BigInt64Array {
  return BigInt64Array.from(offsets, BigInt)
}

function viewBuffers(parts: readonly Uint8Array[]) {
  const views = Buffer.alloc(parts.length * 16)
  const long: Uint8Array[] = []
  let at = 0
  parts.forEach((part, row) => {
    views.writeInt32LE(part.length, row * 16)
    views.set(part.subarray(0, part.length <= 12 ? 12 : 4), row * 16 + 4)
    if (part.length <= 12) return
    views.writeInt32LE(at, row * 16 + 12)
    long.push(part)
    at += part.length
  })
  return { views: new Uint8Array(views), variadicBuffers: at > 0 ? [Buffer.concat(long)] : [] }
}

/** Bytes of one value, by type. */
function widthOf(type: DataType): number {
  if (DataType.isFixedSizeBinary(type)) return type.byteWidth
  if (DataType.isDecimal(type)) return type.bitWidth / 8
  if (DataType.isInt(type) || DataType.isTime(type)) return type.bitWidth / 8
  if (DataType.isFloat(type)) return [2, 4, 8][type.precision] as number
  if (DataType.isDate(type)) return type.unit === DateUnit.DAY ? 4 : 8
  return 8
}

function fixedValues(type: DataType, values: readonly unknown[]): unknown {
  const width = widthOf(type)
  const bytes = Buffer.alloc(values.length * width, GARBAGE)
  values.forEach((value, row) => {
    const at = row * width
    if (value === null) return
    if (value instanceof Uint8Array) bytes.set(value, at)
    else if (DataType.isFloat(type) && width === 4) bytes.writeFloatLE(value as number, at)
    else if (DataType.isFloat(type) && width === 8) bytes.writeDoubleLE(value as number, at)
    else {
      const whole = BigInt.asUintN(width * 8, BigInt(value as number | bigint))
      for (let k = 0; k < width; k++) bytes[at + k] = Number((whole >> BigInt(k * 8)) & 0xffn)
    }
  })
  const { buffer } = new Uint8Array(bytes)
  const view = type.ArrayType as new (buffer: ArrayBufferLike) => unknown
  return new view(buffer)
}

/** Ids of an Arrow type and all below it, depth first, from the Iceberg type that it becomes. */
export function fieldIdsOf(type: DataType, id: number, iceberg: Type): number[] {
  const own: DataType = DataType.isDictionary(type) ? type.dictionary : type
  const fields: Field[] = own.children ?? []
  const below = fields.map((child): DataType => child.type)
  if (typeof iceberg === 'string') return [id, ...below.flatMap((t) => fieldIdsOf(t, -1, 'int'))]
  switch (iceberg.type) {
    case 'struct':
      return [
        id,
        ...below.flatMap((t, i) => {
          const name = (own.children[i] as Field).name
          const field = iceberg.fields.find((candidate) => candidate.name === name)
          return field ? fieldIdsOf(t, field.id, field.type) : fieldIdsOf(t, -1, 'int')
        }),
      ]
    case 'list':
      return [id, ...fieldIdsOf(below[0] as DataType, iceberg['element-id'], iceberg.element)]
    case 'map': {
      const [key, value] = (below[0] as Struct).children.map((field) => field.type as DataType)
      return [
        id,
        -1,
        ...fieldIdsOf(key as DataType, iceberg['key-id'], iceberg.key),
        ...fieldIdsOf(value as DataType, iceberg['value-id'], iceberg.value),
      ]
    }
    default:
      throw new Error('no such type')
  }
}

export function recordBatch(columns: readonly TestColumn[]): RecordBatch {
  const fields = columns.map(
    ({ name, type, nullable = true, metadata }) =>
      new Field(name, type, nullable, metadata && new Map(metadata)),
  )
  const children = columns.map(({ type, values }) => arrowData(type, values))
  const length = columns[0]?.values.length ?? 0
  const data = makeData({ type: new Struct(fields), length, nullCount: 0, children } as never)
  return new RecordBatch(new ArrowSchema(fields), data as never)
}

/** One entry for each batch of the stream, with the dictionaries that came before it. */
export function entriesOf(
  batches: readonly RecordBatch[],
  fieldIds: readonly number[],
  firstSequence = 1n,
): EncodeEntry[] {
  const writer = new RecordBatchStreamWriter({ autoDestroy: false })
  for (const batch of batches) writer.write(batch)
  writer.finish()
  return entriesOfStream(writer.toUint8Array(true), fieldIds, firstSequence)
}

export function entriesOfStream(
  stream: Uint8Array,
  fieldIds: readonly number[],
  firstSequence = 1n,
): EncodeEntry[] {
  const entries: EncodeEntry[] = []
  const definitions: { id: string; bytes: Uint8Array }[] = []
  for (const { kind, metadata, body } of messagesOf(stream)) {
    if (kind === 'schema') {
      const bytes = encodeSchema({ fieldIds, metadata })
      definitions.push({ id: definitionId([bytes]), bytes })
    } else {
      const rows = kind === 'batch' ? 1 : 0
      const bytes = new Uint8Array(Buffer.concat(encodeMessage({ metadata, body }, rows)))
      if (kind === 'dictionary') definitions.push({ id: definitionId([bytes]), bytes })
      else {
        entries.push({
          sequence: firstSequence + BigInt(entries.length),
          payload: bytes,
          definitions: [...definitions],
        })
      }
    }
  }
  return entries
}

export interface StreamMessage {
  readonly kind: 'schema' | 'dictionary' | 'batch'
  readonly metadata: Uint8Array
  readonly body: Uint8Array
}

/** The stream's messages without their framing. */
export function messagesOf(stream: Uint8Array): StreamMessage[] {
  const messages: StreamMessage[] = []
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength)
  const reader = new MessageReader(stream)
  let at = 0
  while (at + 8 <= stream.length) {
    const metadataBytes = view.getInt32(at + 4, true)
    if (metadataBytes === 0) break
    const message = reader.readMessage()
    if (!message) break
    const start = at + 8 + metadataBytes
    const body = stream.subarray(start, start + message.bodyLength)
    reader.readMessageBody(message.bodyLength)
    messages.push({
      kind: message.isSchema() ? 'schema' : message.isDictionaryBatch() ? 'dictionary' : 'batch',
      metadata: stream.slice(at + 8, start),
      body,
    })
    at = start + message.bodyLength
  }
  return messages
}

export function entriesFromColumns(
  columns: readonly TestColumn[],
  firstSequence = 1n,
): EncodeEntry[] {
  const ids = columns.flatMap((column) => column.fieldIds)
  return entriesOf([recordBatch(columns)], ids, firstSequence)
}
