/**
 * Gather and slice: new columns from chosen rows of one column, without looking at values.
 *
 * Promises: row `i` of the result is row `indices[i]` of the source; index -1 gives a null. Nothing
 * of the result is shared with the source except by `sliceColumn`.
 */
import { unreachable } from '../../errors.ts'
import { bitmapBytes, countSet, isSet, setBit, sliceBits } from './bits.ts'
import {
  type ByteColumn,
  bytesOf,
  type Column,
  type FixedColumn,
  type ListColumn,
  viewInt32,
} from './column.ts'

/** Most bytes or elements that 32-bit offsets reach. */
const OFFSET_MAX = 2 ** 31 - 1

/** @throws RangeError when the result would need more than 2^31 - 1 bytes or list elements. */
export function takeColumn(column: Column, indices: Int32Array): Column {
  const common = takeValidity(column, indices)
  switch (column.kind) {
    case 'bits': {
      const values = new Uint8Array(bitmapBytes(indices.length))
      indices.forEach((from, to) => {
        if (from >= 0 && isSet(column.values, from)) setBit(values, to)
      })
      return { ...common, kind: 'bits', values }
    }
    case 'fixed':
      return { ...common, kind: 'fixed', width: column.width, values: takeFixed(column, indices) }
    case 'bytes':
      return { ...common, kind: 'bytes', ...takeBytes(column, indices) }
    case 'list':
      return { ...common, kind: 'list', ...takeList(column, indices) }
    case 'struct':
      return {
        ...common,
        kind: 'struct',
        children: column.children.map((child) => takeColumn(child, indices)),
      }
    default:
      return unreachable(column)
  }
}

function takeValidity(column: Column, indices: Int32Array) {
  const { length } = indices
  const source = column.validity
  const validity = new Uint8Array(bitmapBytes(length))
  for (let to = 0; to < length; to++) {
    const from = indices[to] as number
    if (from >= 0 && (source === undefined || isSet(source, from))) setBit(validity, to)
  }
  const nullCount = length - countSet(validity, length)
  return { length, nullCount, validity: nullCount > 0 ? validity : undefined }
}

function takeFixed({ width, values }: FixedColumn, indices: Int32Array): Uint8Array {
  const { length } = indices
  const out = new Uint8Array(length * width)
  if (width % 4 === 0 && values.byteOffset % 4 === 0) {
    const words = width >> 2
    const source = viewInt32(values)
    const target = viewInt32(out)
    for (let to = 0; to < length; to++) {
      const from = indices[to] as number
      if (from < 0) continue
      for (let k = 0; k < words; k++) target[to * words + k] = source[from * words + k] as number
    }
    return out
  }
  for (let to = 0; to < length; to++) {
    const from = indices[to] as number
    if (from < 0) continue
    for (let k = 0; k < width; k++) out[to * width + k] = values[from * width + k] as number
  }
  return out
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

/** Below this many bytes a loop beats a call. */
const SHORT_COPY_BYTES = 32

function takeBytes(column: ByteColumn, indices: Int32Array) {
  const offsets = takeOffsets(column.offsets, indices, column.validity)
  const values = new Uint8Array(offsets[indices.length] as number)
  for (let to = 0; to < indices.length; to++) {
    const at = offsets[to] as number
    const size = (offsets[to + 1] as number) - at
    if (size === 0) continue
    const start = column.offsets[indices[to] as number] as number
    if (size <= SHORT_COPY_BYTES) {
      for (let k = 0; k < size; k++) values[at + k] = column.values[start + k] as number
    } else {
      values.set(column.values.subarray(start, start + size), at)
    }
  }
  return { offsets, values }
}

function takeList(column: ListColumn, indices: Int32Array) {
  const offsets = takeOffsets(column.offsets, indices, column.validity)
  const elements = new Int32Array(offsets[indices.length] as number)
  for (let to = 0; to < indices.length; to++) {
    const at = offsets[to] as number
    const size = (offsets[to + 1] as number) - at
    const start = size > 0 ? (column.offsets[indices[to] as number] as number) : 0
    for (let k = 0; k < size; k++) elements[at + k] = start + k
  }
  return { offsets, child: takeColumn(column.child, elements) }
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
  return { offsets: first === 0 ? own : own.map((offset) => offset - first), first, last }
}

function realigned(values: Uint8Array): Uint8Array {
  return values.byteOffset % 8 === 0 ? values : new Uint8Array(bytesOf(values))
}
