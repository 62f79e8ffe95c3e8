/**
 * Verifies the columns of a batch against their layout, depth first.
 *
 * Promises: after it, any reader may follow every offset, index and length of the batch. Work is
 * linear in the body and the rows; nothing is allocated per row.
 */
import { ServiceError } from '../errors.ts'
import type { BatchReader } from './batch-reader.ts'
import { countOnes } from './bits.ts'
import { checkOffsets, checkUtf8, int32View, int64View, invalid, type Offsets } from './buffers.ts'
import { byteWidth } from './byte-width.ts'
import type { Column } from './column.ts'
import type { DictionaryValues } from './dictionary-values.ts'
import { expandedBytes, nullsThrough, readIndices } from './indices.ts'
import type { ColumnLayout } from './layout.ts'
import type { ArrowLimits } from './limits.ts'
import { checkRange } from './ranges.ts'
import { checkViews } from './views.ts'

export interface Context {
  readonly reader: BatchReader
  readonly limits: ArrowLimits
  readonly dictionaries: ReadonlyMap<bigint, DictionaryValues>
  /** Instants, by the index of their field, that are to become nanoseconds. */
  readonly nanoseconds: ReadonlySet<number>
  /** Bytes that views and dictionaries stand for beyond those that are there. */
  expandedBytes: number
}

/** What 32-bit arithmetic on slots can hold. */
const SLOTS_MAX = 2 ** 31 - 1

/** `length`: how many slots the parent has for it, if the parent fixes that. */
export function readColumn(
  layout: ColumnLayout,
  length: number | undefined,
  context: Context,
): Column {
  const { reader, limits } = context
  const { path, type } = layout
  const node = reader.node(path)
  if (length !== undefined && node.length !== length) {
    throw invalid(path, `has ${node.length} slots where ${length} are needed`)
  }
  const slotsMax = isWidthless(layout) ? limits.batchRowsMax : SLOTS_MAX
  if (node.length > slotsMax) throw tooManySlots(path, node.length, slotsMax)
  if (type.kind === 'null') {
    return { layout, length: node.length, nulls: node.length, validity: undefined, children: [] }
  }
  const validity = readValidity(context, node, path)
  const nulls = Math.max(0, node.nulls)
  return readValues({ layout, length: node.length, nulls, validity }, context)
}

type Slots = Pick<Column, 'layout' | 'length' | 'nulls' | 'validity'>

function readValues(slots: Slots, context: Context): Column {
  const { reader, nanoseconds } = context
  const { layout, length } = slots
  const { type, path } = layout
  switch (type.kind) {
    case 'utf8':
    case 'binary':
      return type.layout === 'view' ? readViewColumn(slots, context) : readBytes(slots, context)
    case 'list':
    case 'map':
      return type.kind === 'list' && type.layout.endsWith('view')
        ? readListView(slots, context)
        : readList(slots, context)
    case 'struct':
      return {
        ...slots,
        children: layout.children.map((child) => readColumn(child, length, context)),
      }
    case 'fixed-size-list': {
      const child = readColumn(layout.children[0] as ColumnLayout, length * type.size, context)
      return { ...slots, children: [child] }
    }
    default: {
      const bytes = reader.bufferOf(byteWidth(type, length), path)
      if (layout.dictionary !== undefined) return readDictionaryColumn(slots, bytes, context)
      checkRange(type, bytes, { ...slots, stored: nanoseconds.has(layout.index) ? 'ns' : 'us' })
      return { ...slots, children: [] }
    }
  }
}

function readValidity(
  { reader }: Context,
  { length, nulls }: { length: number; nulls: number },
  path: string,
): Uint8Array | undefined {
  const bitmap = reader.buffer(path)
  if (bitmap.length === 0) {
    if (nulls > 0) throw invalid(path, `states ${nulls} nulls but has no validity bitmap`)
    return undefined
  }
  if (bitmap.length < Math.ceil(length / 8)) {
    throw invalid(path, `has a validity bitmap of ${bitmap.length} bytes for ${length} slots`)
  }
  // Readers differ in which of the two they believe, so they must agree.
  const actual = length - countOnes(bitmap, length)
  if (actual !== Math.max(0, nulls))
    throw invalid(path, `states ${nulls} nulls, its bitmap has ${actual}`)
  return nulls === 0 ? undefined : bitmap
}

function readBytes(slots: Slots, { reader }: Context): Column {
  const { path, type } = slots.layout
  const offsets = readOffsets(slots, reader)
  const data = reader.buffer(path)
  checkOffsets(offsets, data.length, path)
  if (type.kind === 'utf8') checkUtf8(data, offsets, path)
  return { ...slots, offsets, children: [] }
}

function readViewColumn(slots: Slots, context: Context): Column {
  const { reader } = context
  const { path, type } = slots.layout
  const views = reader.bufferOf(slots.length * 16, path)
  const data: Uint8Array[] = []
  for (let count = reader.variadicCount(path); count > 0; count--) data.push(reader.buffer(path))
  const buffers = { views, data, length: slots.length }
  const bytes = checkViews(buffers, type.kind === 'utf8', path)
  addExpanded(context, bytes - data.reduce((sum, buffer) => sum + buffer.length, 0), path)
  return { ...slots, views: buffers, children: [] }
}

function readList(slots: Slots, context: Context): Column {
  const { layout } = slots
  const offsets = readOffsets(slots, context.reader)
  const child = readColumn(layout.children[0] as ColumnLayout, undefined, context)
  checkOffsets(offsets, child.length, layout.path)
  if (layout.type.kind === 'map') {
    const key = child.children[0] as Column
    if (child.nulls > 0) throw invalid(layout.path, `has ${child.nulls} null map entries`)
    if (key.nulls > 0) throw invalid(layout.path, `has ${key.nulls} null map keys`)
  }
  return { ...slots, offsets, children: [child] }
}

function readListView(slots: Slots, context: Context): Column {
  const { layout, length } = slots
  const starts = readPositions(slots, length, context.reader)
  const sizes = readPositions(slots, length, context.reader)
  const child = readColumn(layout.children[0] as ColumnLayout, undefined, context)
  let total = 0
  for (let i = 0; i < length; i++) {
    const start = starts[i] as number
    const size = sizes[i] as number
    if (start < 0 || size < 0 || start + size > child.length) {
      throw invalid(layout.path, `has a list outside its ${child.length} elements in row ${i}`)
    }
    total += size
  }
  // Views may share elements, and a reader pays for each use.
  if (total > Math.max(child.length, context.limits.batchRowsMax)) {
    throw tooManySlots(layout.path, total, context.limits.batchRowsMax)
  }
  return { ...slots, slices: { starts, sizes }, children: [child] }
}

function readDictionaryColumn(slots: Slots, indices: Uint8Array, context: Context): Column {
  const { path, dictionary } = slots.layout
  const values = context.dictionaries.get(dictionary as bigint)
  if (!values && slots.length > 0) {
    throw invalid(path, `uses dictionary ${dictionary}, which was not sent before it`)
  }
  if (!values) return { ...slots, children: [] }
  const at = readIndices(slots, indices, values.count)
  const column: Column = { ...slots, children: [], indices: { values, at } }
  addExpanded(context, expandedBytes(column, values, at), path)
  return values.nulls === 0 ? column : { ...column, ...nullsThrough(column, values, at) }
}

function readOffsets(slots: Slots, reader: BatchReader): Offsets {
  return readPositions(slots, slots.length + 1, reader)
}

function readPositions({ layout, length }: Slots, count: number, reader: BatchReader): Offsets {
  const { type, path } = layout
  const isLarge = 'layout' in type && type.layout.startsWith('large')
  const bytes = reader.buffer(path)
  // Older writers send no offsets at all for an array without slots.
  if (length === 0 && bytes.length === 0) return new Int32Array(count)
  const needed = count * (isLarge ? 8 : 4)
  if (bytes.length < needed) {
    throw invalid(path, `needs ${needed} bytes of offsets, got ${bytes.length}`)
  }
  return isLarge ? int64View(bytes, count, path) : int32View(bytes, count)
}

function addExpanded(context: Context, bytes: number, path: string): void {
  context.expandedBytes += Math.max(0, bytes)
  const { batchBytesMax } = context.limits
  if (context.expandedBytes <= batchBytesMax) return
  throw new ServiceError(
    'too-large',
    `column ${path} grows beyond ${batchBytesMax} bytes when its shared values are read (ingest.batchBytesMax): send fewer rows at once`,
    { context: { column: path, batchBytesMax } },
  )
}

/** Slots that cost no bytes are bounded by a number of their own. */
function isWidthless({ type, children }: ColumnLayout): boolean {
  switch (type.kind) {
    case 'null':
      return true
    case 'struct':
    case 'fixed-size-list':
      return children.every(isWidthless) || (type.kind === 'fixed-size-list' && type.size === 0)
    case 'fixed-size-binary':
      return type.width === 0
    default:
      return false
  }
}

function tooManySlots(path: string, slots: number, slotsMax: number): ServiceError {
  return new ServiceError(
    'too-large',
    `column ${path} has ${slots} slots, at most ${slotsMax} are allowed (ingest.batchRowsMax)`,
    { context: { column: path, slotsMax } },
  )
}
