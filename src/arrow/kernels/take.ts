/**
 * Gather and slice: new columns from chosen rows of one column, without looking at values.
 *
 * Promises: row `i` of the result is row `indices[i]` of the source; index -1 gives a null. Nothing
 * of the result is shared with the source except by `sliceColumn`.
 */
import { unreachable } from '../../errors.ts'
import { bitmapBytes, countSet, isSet, sliceBits } from './bits.ts'
import {
  type ByteColumn,
  bytesOf,
  type Column,
  type FixedColumn,
  type ListColumn,
  type StructColumn,
  viewInt32,
} from './column.ts'
import { concatColumns } from './concat.ts'
import { copier, OFFSET_MAX, SLACK_BYTES } from './copy.ts'
import { takeRanges } from './take-ranges.ts'

/** @throws RangeError when the result would need more than 2^31 - 1 bytes or list elements. */
export function takeColumn(column: Column, indices: Int32Array): Column {
  const hasNulls = indices.some((from) => from < 0)
  return take(column, { indices, hasNulls })
}

/** The same of columns one after another, joined only one buffer at a time. */
export function takeFromAll(columns: readonly Column[], indices: Int32Array): Column {
  const [first] = columns
  if (columns.length === 1 || first?.kind !== 'struct') {
    return takeColumn(concatColumns(columns), indices)
  }
  const children = first.children.map((_, i) =>
    takeFromAll(
      columns.map((column) => (column as StructColumn).children[i] as Column),
      indices,
    ),
  )
  const empty = columns.map((column) => ({ ...(column as StructColumn), children: [] }))
  return { ...(takeColumn(concatColumns(empty), indices) as StructColumn), children }
}

interface Wanted {
  readonly indices: Int32Array
  /** Is there an index -1? */
  readonly hasNulls: boolean
}

function take(column: Column, wanted: Wanted): Column {
  const { indices } = wanted
  const common = takeValidity(column, wanted)
  switch (column.kind) {
    case 'bits':
      return { ...common, kind: 'bits', values: takeBits(column.values, wanted) }
    case 'fixed':
      return { ...common, kind: 'fixed', width: column.width, values: takeFixed(column, wanted) }
    case 'bytes':
      return { ...common, kind: 'bytes', ...takeBytes(column, indices) }
    case 'list':
      return { ...common, kind: 'list', ...takeList(column, indices) }
    case 'struct':
      return {
        ...common,
        kind: 'struct',
        children: column.children.map((child) => take(child, wanted)),
      }
    default:
      return unreachable(column)
  }
}

function takeValidity(column: Column, { indices, hasNulls }: Wanted) {
  const { length } = indices
  const source = column.validity
  if (source === undefined && !hasNulls) return { length, nullCount: 0, validity: undefined }
  const validity = takeBits(source, { indices, hasNulls })
  const nullCount = length - countSet(validity, length)
  return { length, nullCount, validity: nullCount > 0 ? validity : undefined }
}

/** A byte at a time; `undefined` stands for a source of ones. Zero for index -1. */
function takeBits(source: Uint8Array | undefined, { indices }: Wanted): Uint8Array {
  const { length } = indices
  const out = new Uint8Array(bitmapBytes(length))
  for (let at = 0; at < length; at += 8) {
    const end = Math.min(length, at + 8)
    let byte = 0
    for (let to = at; to < end; to++) {
      const from = indices[to] as number
      if (from < 0) continue
      const bit = source === undefined ? 1 : ((source[from >> 3] as number) >> (from & 7)) & 1
      byte |= bit << (to & 7)
    }
    out[at >> 3] = byte
  }
  return out
}

function takeFixed({ width, values }: FixedColumn, { indices, hasNulls }: Wanted): Uint8Array {
  const out = new Uint8Array(indices.length * width)
  if (width % 4 === 0 && values.byteOffset % 4 === 0) {
    if (hasNulls || width > 8) takeWords(viewInt32(values), viewInt32(out), indices)
    else if (width === 4) takeInt32(viewInt32(values), viewInt32(out), indices)
    else takeInt64(viewInt32(values), viewInt32(out), indices)
    return out
  }
  for (let to = 0; to < indices.length; to++) {
    const from = indices[to] as number
    if (from < 0) continue
    for (let k = 0; k < width; k++) out[to * width + k] = values[from * width + k] as number
  }
  return out
}

function takeInt32(source: Int32Array, target: Int32Array, indices: Int32Array): void {
  for (let to = 0; to < indices.length; to++) {
    target[to] = source[indices[to] as number] as number
  }
}

function takeInt64(source: Int32Array, target: Int32Array, indices: Int32Array): void {
  for (let to = 0; to < indices.length; to++) {
    const from = (indices[to] as number) << 1
    target[to << 1] = source[from] as number
    target[(to << 1) | 1] = source[from + 1] as number
  }
}

function takeWords(source: Int32Array, target: Int32Array, indices: Int32Array): void {
  const words = target.length / indices.length
  for (let to = 0; to < indices.length; to++) {
    const from = indices[to] as number
    if (from < 0) continue
    for (let k = 0; k < words; k++) target[to * words + k] = source[from * words + k] as number
  }
}

function takeOffsets(offsets: Int32Array, indices: Int32Array, validity: Uint8Array | undefined) {
  const taken = new Int32Array(indices.length + 1)
  let end = 0
  for (let to = 0; to < indices.length; to++) {
    const from = indices[to] as number
    if (from >= 0 && (validity === undefined || isSet(validity, from))) {
      end += (offsets[from + 1] as number) - (offsets[from] as number)
    }
    if (end > OFFSET_MAX) throw new RangeError(`a column needs more than ${OFFSET_MAX} bytes`)
    taken[to + 1] = end
  }
  return taken
}

function takeBytes(column: ByteColumn, indices: Int32Array) {
  const offsets = takeOffsets(column.offsets, indices, column.validity)
  const bytes = offsets[indices.length] as number
  const copy = copier(column.values, new Uint8Array(bytes + SLACK_BYTES))
  const { length } = indices
  let next = 0
  for (let to = 0; to < length; to = next) {
    const from = indices[to] as number
    next = to + 1
    // Neighbours that stay neighbours are one copy. The bytes of a null between them would shift it.
    if (from >= 0 && column.validity === undefined) {
      while (next < length && indices[next] === from + next - to) next += 1
    }
    const at = offsets[to] as number
    const end = offsets[next] as number
    if (end > at) copy.bytes(column.offsets[from] as number, at, end)
  }
  return { offsets, values: copy.target.subarray(0, bytes) }
}

function takeList(column: ListColumn, indices: Int32Array) {
  const offsets = takeOffsets(column.offsets, indices, column.validity)
  const starts = new Int32Array(indices.length)
  for (let to = 0; to < indices.length; to++) {
    if (offsets[to] !== offsets[to + 1])
      starts[to] = column.offsets[indices[to] as number] as number
  }
  return { offsets, child: takeRanges(column.child, { starts, offsets }) }
}

/** Rows `[start, end)`; buffers are shared with the source where that is possible. */
export function sliceColumn(column: Column, start: number, end: number): Column {
  const length = end - start
  if (start === 0 && length === column.length) return column
  const bits = column.validity && sliceBits(column.validity, start, length)
  const nullCount = bits ? length - countSet(bits, length) : 0
  const common = { length, nullCount, validity: nullCount > 0 ? bits : undefined }
  switch (column.kind) {
    case 'bits':
      return { ...common, kind: 'bits', values: sliceBits(column.values, start, length) }
    case 'fixed': {
      const values = column.values.subarray(start * column.width, end * column.width)
      return { ...common, kind: 'fixed', width: column.width, values: realigned(values) }
    }
    case 'bytes': {
      const { offsets, first, last } = sliceOffsets(column.offsets, start, end)
      return { ...common, kind: 'bytes', offsets, values: column.values.subarray(first, last) }
    }
    case 'list': {
      const { offsets, first, last } = sliceOffsets(column.offsets, start, end)
      return { ...common, kind: 'list', offsets, child: sliceColumn(column.child, first, last) }
    }
    case 'struct':
      return {
        ...common,
        kind: 'struct',
        children: column.children.map((child) => sliceColumn(child, start, end)),
      }
    default:
      return unreachable(column)
  }
}

/** Offsets of rows `[start, end)` counted from 0, and the range of the child that they mean. */
export function sliceOffsets(offsets: Int32Array, start: number, end: number) {
  const first = offsets[start] as number
  const last = offsets[end] as number
  const own = offsets.subarray(start, end + 1)
  if (first === 0) return { offsets: own, first, last }
  const shifted = new Int32Array(own.length)
  for (let i = 0; i < own.length; i++) shifted[i] = (own[i] as number) - first
  return { offsets: shifted, first, last }
}

function realigned(values: Uint8Array): Uint8Array {
  return values.byteOffset % 8 === 0 ? values : new Uint8Array(bytesOf(values))
}
