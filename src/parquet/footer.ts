/**
 * The footer of a Parquet file (parquet.thrift, `FileMetaData`): what the manifest needs from it,
 * the two things that the writer gets wrong, and how pieces become one file.
 *
 * Promises: everything else in the footer stays byte for byte, and data pages are not touched.
 * Does not know: Iceberg's rules for metrics.
 */

import type { ThriftList, ThriftStruct, ThriftValue } from './thrift.ts'
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
  return withFooter([file.subarray(0, start)], fixMetadata(metadata, uuidFieldIds))
}

/**
 * {@link fixFooter} for one file in several pieces: files of the same columns, whose row groups
 * become those of one file in the order of the pieces.
 */
export function joinFiles(
  pieces: readonly Uint8Array[],
  uuidFieldIds: ReadonlySet<number>,
): FixedFile {
  const [first] = pieces
  if (first === undefined) throw new RangeError('a parquet file needs at least one piece')
  if (pieces.length === 1) return fixFooter(first, uuidFieldIds)
  const parts: Uint8Array[] = [Buffer.from(MAGIC, 'latin1')]
  const groups: ThriftValue[] = []
  let at = MAGIC.length
  let rows = 0n
  for (const piece of pieces) {
    const { metadata } = parse(piece)
    const own = rowGroupsOf(metadata)
    const pages = piece.subarray(MAGIC.length, pagesEnd(own))
    parts.push(pages)
    for (const group of own) groups.push(movedGroup(group, at - MAGIC.length, groups.length))
    at += pages.length
    rows += integer(metadata.members.get(3))
  }
  const { metadata } = parse(first)
  const members = new Map(metadata.members)
  members.set(3, { kind: 'i64', value: rows })
  members.set(4, { ...(members.get(4) as ThriftList), items: groups })
  return withFooter(parts, fixMetadata({ kind: 'struct', members }, uuidFieldIds))
}

function fixMetadata(metadata: ThriftStruct, uuidFieldIds: ReadonlySet<number>): ThriftStruct {
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
  return { kind: 'struct', members }
}

function withFooter(parts: readonly Uint8Array[], metadata: ThriftStruct): FixedFile {
  const tail = Buffer.alloc(TAIL_BYTES)
  const footer = writeThrift(metadata)
  tail.writeUInt32LE(footer.length)
  tail.write(MAGIC, 4, 'latin1')
  return { bytes: joined([...parts, footer, tail]), footer: describe(metadata) }
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

function rowGroupsOf(metadata: ThriftStruct): readonly ThriftValue[] {
  return list(metadata.members.get(4))
}

/** Where the last page ends; what follows are indexes of pages. */
function pagesEnd(groups: readonly ThriftValue[]): number {
  const chunks = groups.flatMap((group) => list(struct(group).get(1)))
  const ends = chunks.map((chunk) => {
    const metadata = struct(struct(chunk).get(3))
    return Number(chunkStart(metadata) + integer(metadata.get(7)))
  })
  return ends.reduce((last, end) => Math.max(last, end), MAGIC.length)
}

const ORDINAL_MAX = 2 ** 15 - 1

/** The same row group `by` bytes further on; without indexes of pages, which are left behind. */
function movedGroup(group: ThriftValue, by: number, ordinal: number): ThriftValue {
  const members = new Map(struct(group))
  const chunks = members.get(1) as ThriftList
  const items = chunks.items.map((chunk) => {
    const own = moved(new Map(struct(chunk)), [2], by)
    for (const index of [4, 5, 6, 7]) own.delete(index)
    const metadata = moved(new Map(struct(own.get(3))), [9, 10, 11], by)
    return thrift(own.set(3, thrift(metadata)))
  })
  members.set(1, { ...chunks, items })
  // The number of a row group is optional, and has 15 bits.
  if (ordinal > ORDINAL_MAX) members.delete(7)
  else if (members.has(7)) members.set(7, { kind: 'i16', value: BigInt(ordinal) })
  return thrift(moved(members, [5], by))
}

/** Offsets of 0 say that there is none. */
function moved(members: Map<number, ThriftValue>, offsets: readonly number[], by: number) {
  for (const id of offsets) {
    const offset = members.get(id)
    if (offset?.kind === 'i64' && offset.value > 0n) {
      members.set(id, { kind: 'i64', value: offset.value + BigInt(by) })
    }
  }
  return members
}

function thrift(members: ReadonlyMap<number, ThriftValue>): ThriftStruct {
  return { kind: 'struct', members }
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
