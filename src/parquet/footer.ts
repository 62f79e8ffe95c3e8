/**
 * The footer of a Parquet file (parquet.thrift, `FileMetaData`): what the manifest needs from it,
 * and the two things that the writer gets wrong.
 *
 * Promises: everything else in the footer stays byte for byte, and data pages are not touched.
 * Does not know: Iceberg's rules for metrics.
 */

import type { ThriftStruct, ThriftValue } from './thrift.ts'
import { readThrift, thriftStruct, writeThrift } from './thrift.ts'

const MAGIC = 'PAR1'
const TAIL_BYTES = 8

/** One column of one row group. */
export interface ColumnChunk {
  readonly fieldId: number
  readonly valueCount: bigint
  readonly compressedBytes: bigint
  readonly nullCount: bigint | undefined
  /** PLAIN-encoded, possibly shortened (then `min` is too low and `max` too high). */
  readonly min: Uint8Array | undefined
  readonly max: Uint8Array | undefined
}

export interface RowGroup {
  readonly rows: bigint
  /** Where its first page begins. */
  readonly offset: bigint
  readonly columns: readonly ColumnChunk[]
}

export interface Footer {
  readonly rows: bigint
  readonly rowGroups: readonly RowGroup[]
}

/** @throws RangeError for bytes that are not a Parquet file. */
export function readFooter(file: Uint8Array): Footer {
  return describe(parse(file).metadata)
}

export interface FixedFile {
  readonly bytes: Uint8Array
  readonly footer: Footer
}

/**
 * The file with UUID columns marked as such, and without the copy of the Arrow schema that the
 * writer embeds: it would tell some readers of types that the table does not have.
 */
export function fixFooter(file: Uint8Array, uuidFieldIds: ReadonlySet<number>): FixedFile {
  const { metadata, start } = parse(file)
  const members = new Map(metadata.members)
  const schema = members.get(2)
  if (schema?.kind === 'list' && uuidFieldIds.size > 0) {
    members.set(2, { ...schema, items: schema.items.map((item) => markUuid(item, uuidFieldIds)) })
  }
  const keyValues = members.get(5)
  if (keyValues?.kind === 'list') {
    const items = keyValues.items.filter((item) => text(struct(item).get(1)) !== 'ARROW:schema')
    if (items.length > 0) members.set(5, { ...keyValues, items })
    else members.delete(5)
  }
  const fixed: ThriftStruct = { kind: 'struct', members }
  const tail = Buffer.alloc(TAIL_BYTES)
  const footer = writeThrift(fixed)
  tail.writeUInt32LE(footer.length)
  tail.write(MAGIC, 4, 'latin1')
  return {
    bytes: joined([file.subarray(0, start), footer, tail]),
    footer: describe(fixed),
  }
}

/** In a buffer of its own: the result is handed to another thread without a copy. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

function parse(file: Uint8Array): { readonly metadata: ThriftStruct; readonly start: number } {
  const tail = Buffer.from(file.buffer, file.byteOffset, file.byteLength).subarray(-TAIL_BYTES)
  const end = file.length - TAIL_BYTES
  const start = end < 0 ? -1 : end - tail.readUInt32LE(0)
  if (start < MAGIC.length || tail.toString('latin1', 4) !== MAGIC) {
    throw new RangeError('not a parquet file')
  }
  return { metadata: readThrift(file.subarray(start, end)), start }
}

function markUuid(element: ThriftValue, fieldIds: ReadonlySet<number>): ThriftValue {
  const members = struct(element)
  const fieldId = members.get(9)
  if (fieldId?.kind !== 'i32' || !fieldIds.has(Number(fieldId.value))) return element
  const uuid = thriftStruct({ 14: thriftStruct({}) })
  return { kind: 'struct', members: new Map(members).set(10, uuid) }
}

function describe(metadata: ThriftStruct): Footer {
  const fieldIds = leafFieldIds(list(metadata.members.get(2)))
  const rowGroups = list(metadata.members.get(4)).map((item) => {
    const group = struct(item)
    const chunks = list(group.get(1)).map((chunk) => struct(struct(chunk).get(3)))
    return {
      rows: integer(group.get(3)),
      offset: chunks[0] ? chunkStart(chunks[0]) : 0n,
      columns: chunks.map((chunk, i) => describeChunk(chunk, fieldIds[i] ?? -1)),
    }
  })
  return { rows: integer(metadata.members.get(3)), rowGroups }
}

/** Field ids of the columns that have pages, in their order. */
function leafFieldIds(elements: readonly ThriftValue[]): number[] {
  const leaves = elements.map(struct).filter((element) => !element.has(5))
  return leaves.map((element) => {
    const fieldId = element.get(9)
    return fieldId?.kind === 'i32' ? Number(fieldId.value) : -1
  })
}

function describeChunk(chunk: ReadonlyMap<number, ThriftValue>, fieldId: number): ColumnChunk {
  const statistics = chunk.has(12) ? struct(chunk.get(12)) : new Map<number, ThriftValue>()
  const nulls = statistics.get(3)
  return {
    fieldId,
    valueCount: integer(chunk.get(5)),
    compressedBytes: integer(chunk.get(7)),
    nullCount: nulls?.kind === 'i64' ? nulls.value : undefined,
    min: binary(statistics.get(6)),
    max: binary(statistics.get(5)),
  }
}

function chunkStart(chunk: ReadonlyMap<number, ThriftValue>): bigint {
  const dictionary = chunk.get(11)
  return dictionary?.kind === 'i64' ? dictionary.value : integer(chunk.get(9))
}

function struct(value: ThriftValue | undefined): ReadonlyMap<number, ThriftValue> {
  if (value?.kind === 'struct') return value.members
  throw new RangeError('the parquet footer lacks a struct')
}

function list(value: ThriftValue | undefined): readonly ThriftValue[] {
  if (value?.kind === 'list') return value.items
  throw new RangeError('the parquet footer lacks a list')
}

function integer(value: ThriftValue | undefined): bigint {
  if (value?.kind === 'i64' || value?.kind === 'i32') return value.value
  throw new RangeError('the parquet footer lacks an integer')
}

function binary(value: ThriftValue | undefined): Uint8Array | undefined {
  return value?.kind === 'binary' ? value.value : undefined
}

function text(value: ThriftValue | undefined): string | undefined {
  const bytes = binary(value)
  return bytes && Buffer.from(bytes).toString('utf8')
}
