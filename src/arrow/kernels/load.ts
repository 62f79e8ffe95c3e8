/**
 * From the body of a record batch message to columns.
 *
 * Promises: every layout that a field may have on the wire (large, view, list-view, fixed-size
 * list, dictionary) comes out as one of the five of `column.ts`; what points outside its buffer is
 * an error, never a wild read.
 * Does not know: what the values mean, or which fields are wanted.
 */
import type { ArrowField, ArrowType } from '../schema.ts'
import type { BatchReader } from './batch-reader.ts'
import { countSet, isSet } from './bits.ts'
import { aligned, type Column, nullColumn, viewInt32 } from './column.ts'
import { readOffsets, readSizes, readViews } from './offsets.ts'
import { sliceColumn, takeColumn } from './take.ts'

/** The values of a dictionary by its id, or undefined when it has not come yet. */
export type Dictionaries = ReadonlyMap<bigint, Column>

/** One column for each field. @throws RangeError for buffers that do not fit their field. */
export function loadColumns(
  fields: readonly ArrowField[],
  reader: BatchReader,
  dictionaries: Dictionaries,
): Column[] {
  return fields.map((field) => loadColumn(field, reader, dictionaries))
}

/** Bytes of one value of the types that have a fixed number of them. */
export function fixedWidth(type: ArrowType): number | undefined {
  switch (type.kind) {
    case 'int':
    case 'float':
    case 'decimal':
    case 'time':
      return type.bits / 8
    case 'date':
      return type.unit === 'day' ? 4 : 8
    case 'timestamp':
    case 'duration':
      return 8
    case 'fixed-size-binary':
      return type.width
    default:
      return undefined
  }
}

function loadColumn(field: ArrowField, reader: BatchReader, dictionaries: Dictionaries): Column {
  const { length } = reader.node()
  if (field.dictionary) {
    const values = dictionaries.get(field.dictionary.id)
    const { nullCount, validity } = loadValidity(reader, length)
    const { bits, signed } = field.dictionary.index
    const indices = readIndices(reader.buffer(), { length, bits, signed, validity })
    if (!values) {
      if (nullCount < length) throw new RangeError(`column ${field.name} lacks its dictionary`)
      return loadNulls(field, length)
    }
    checkIndices(indices, values.length, field.name)
    return takeColumn(values, indices)
  }
  if (field.type.kind === 'null') return nullColumn({ kind: 'fixed', width: 1 }, length)
  const common = { length, ...loadValidity(reader, length) }
  return loadValues({ field, common, reader, dictionaries })
}

interface Loading {
  readonly field: ArrowField
  readonly common: {
    readonly length: number
    readonly nullCount: number
    readonly validity: Uint8Array | undefined
  }
  readonly reader: BatchReader
  readonly dictionaries: Dictionaries
}

function loadValues({ field, common, reader, dictionaries }: Loading): Column {
  const { type } = field
  const { length } = common
  const child = () => loadColumn(field.children[0] as ArrowField, reader, dictionaries)
  switch (type.kind) {
    case 'bool':
      return { ...common, kind: 'bits', values: loadBits(reader, length) }
    case 'utf8':
    case 'binary': {
      if (type.layout === 'view') {
        const views = atLeast(reader.buffer(), length * 16)
        return { ...common, kind: 'bytes', ...readViews(views, reader.variadic(), common) }
      }
      const { offsets, first, last } = readOffsets(reader.buffer(), length, type.layout === 'large')
      const values = atLeast(reader.buffer(), last).subarray(first, last)
      return { ...common, kind: 'bytes', offsets, values }
    }
    case 'list':
    case 'map': {
      const layout = type.kind === 'map' ? 'normal' : type.layout
      if (layout === 'view' || layout === 'large-view') {
        const isLarge = layout === 'large-view'
        const starts = readSizes(reader.buffer(), length, isLarge)
        const sizes = readSizes(reader.buffer(), length, isLarge)
        return gatherLists(common, { starts, sizes, child: child() })
      }
      const { offsets, first, last } = readOffsets(reader.buffer(), length, layout === 'large')
      const elements = child()
      if (last > elements.length) throw new RangeError(`lists of ${field.name} end past their data`)
      return packed({ ...common, kind: 'list', offsets, child: sliceColumn(elements, first, last) })
    }
    case 'fixed-size-list': {
      const offsets = Int32Array.from({ length: length + 1 }, (_, row) => row * type.size)
      const elements = child()
      if (length * type.size > elements.length) {
        throw new RangeError(`lists of ${field.name} end past their data`)
      }
      const own = sliceColumn(elements, 0, length * type.size)
      return packed({ ...common, kind: 'list', offsets, child: own })
    }
    case 'struct': {
      const children = loadColumns(field.children, reader, dictionaries)
      if (children.some((child) => child.length !== length)) {
        throw new RangeError(`fields of ${field.name} differ in length`)
      }
      return { ...common, kind: 'struct', children }
    }
    default: {
      const width = fixedWidth(type)
      if (width === undefined) {
        throw new RangeError(`column ${field.name} has type ${type.kind}, which is not stored`)
      }
      const values = aligned(atLeast(reader.buffer(), length * width).subarray(0, length * width))
      return { ...common, kind: 'fixed', width, values }
    }
  }
}

function loadNulls(field: ArrowField, length: number): Column {
  return nullColumn(fieldLayout(field), length)
}

function fieldLayout({ type, children }: ArrowField): Parameters<typeof nullColumn>[0] {
  switch (type.kind) {
    case 'bool':
      return { kind: 'bits' }
    case 'utf8':
    case 'binary':
      return { kind: 'bytes' }
    case 'list':
    case 'map':
    case 'fixed-size-list':
      return { kind: 'list', child: fieldLayout(children[0] as ArrowField) }
    case 'struct':
      return { kind: 'struct', children: children.map(fieldLayout) }
    default:
      return { kind: 'fixed', width: fixedWidth(type) ?? 1 }
  }
}

function loadValidity(reader: BatchReader, length: number) {
  const bits = reader.buffer()
  if (bits.length === 0 || length === 0) return { nullCount: 0, validity: undefined }
  const nullCount = length - countSet(atLeast(bits, (length + 7) >> 3), length)
  return {
    nullCount,
    validity: nullCount > 0 ? bits.subarray(0, (length + 7) >> 3) : undefined,
  }
}

function loadBits(reader: BatchReader, length: number): Uint8Array {
  const bytes = (length + 7) >> 3
  return atLeast(reader.buffer(), bytes).subarray(0, bytes)
}

function atLeast(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length >= length) return bytes
  throw new RangeError(`a buffer of ${bytes.length} bytes should have ${length}`)
}

interface IndexShape {
  readonly length: number
  readonly bits: number
  readonly signed: boolean
  readonly validity: Uint8Array | undefined
}

/** Indices of any width as int32; -1 where the row is null. */
function readIndices(bytes: Uint8Array, { length, bits, signed, validity }: IndexShape) {
  const raw = aligned(atLeast(bytes, (length * bits) / 8).subarray(0, (length * bits) / 8))
  const { buffer, byteOffset } = raw
  const indices = new Int32Array(length)
  if (bits === 8) indices.set(signed ? new Int8Array(buffer, byteOffset, length) : raw)
  else if (bits === 16) {
    indices.set(
      signed
        ? new Int16Array(buffer, byteOffset, length)
        : new Uint16Array(buffer, byteOffset, length),
    )
  } else {
    const words = viewInt32(raw)
    const step = bits / 32
    for (let row = 0; row < length; row++) {
      const isWide = step === 2 && words[row * 2 + 1] !== 0
      indices[row] = isWide ? -2 : (words[row * step] as number)
    }
  }
  for (let row = 0; row < length; row++) {
    if (validity && !isSet(validity, row)) indices[row] = -1
    else if ((indices[row] as number) < 0) indices[row] = -2
  }
  return indices
}

function checkIndices(indices: Int32Array, count: number, name: string): void {
  for (const index of indices) {
    if (index < -1 || index >= count) {
      throw new RangeError(`column ${name} points outside its dictionary of ${count} values`)
    }
  }
}

interface Ranges {
  readonly starts: Int32Array
  readonly sizes: Int32Array
  readonly child: Column
}

function gatherLists(common: Loading['common'], { starts, sizes, child }: Ranges): Column {
  const offsets = new Int32Array(common.length + 1)
  let end = 0
  for (let row = 0; row < common.length; row++) {
    const isValue = common.validity === undefined || isSet(common.validity, row)
    const size = isValue ? (sizes[row] as number) : 0
    if (size > 0 && (starts[row] as number) + size > child.length) {
      throw new RangeError('a list view ends past its data')
    }
    end += size
    offsets[row + 1] = end
  }
  const elements = new Int32Array(end)
  for (let row = 0; row < common.length; row++) {
    const at = offsets[row] as number
    const size = (offsets[row + 1] as number) - at
    for (let k = 0; k < size; k++) elements[at + k] = (starts[row] as number) + k
  }
  return { ...common, kind: 'list', offsets, child: takeColumn(child, elements) }
}

/** Without the elements of null lists: they may be null where an element must not be. */
function packed(column: Extract<Column, { kind: 'list' }>): Column {
  const { validity, offsets, length } = column
  if (validity === undefined) return column
  for (let row = 0; row < length; row++) {
    if (!isSet(validity, row) && offsets[row] !== offsets[row + 1]) {
      return takeColumn(
        column,
        Int32Array.from({ length }, (_, i) => i),
      )
    }
  }
  return column
}
