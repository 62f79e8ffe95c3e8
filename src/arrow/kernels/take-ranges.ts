/**
 * Gather of ranges of rows: what lies below lists, where neighbours stay neighbours.
 *
 * Promises: nothing of the result is shared with the source.
 */
import { unreachable } from '../../errors.ts'
import { bitmapBytes, countSet, isSet, setBit } from './bits.ts'
import { type ByteColumn, bytesOf, type Column, type ListColumn, viewInt32 } from './column.ts'
import { copier, OFFSET_MAX, SLACK_BYTES } from './copy.ts'

export interface Ranges {
  /** The first row of each range in the source. */
  readonly starts: Int32Array
  /** Where each range begins in the result, and where the last one ends. */
  readonly offsets: Int32Array
}

/** @throws RangeError when the result would need more than 2^31 - 1 bytes or list elements. */
export function takeRanges(column: Column, ranges: Ranges): Column {
  const length = ranges.offsets[ranges.starts.length] as number
  const bits = column.validity && takeBits(column.validity, ranges, length)
  const nullCount = bits ? length - countSet(bits, length) : 0
  const common = { length, nullCount, validity: nullCount > 0 ? bits : undefined }
  switch (column.kind) {
    case 'bits':
      return { ...common, kind: 'bits', values: takeBits(column.values, ranges, length) }
    case 'fixed': {
      const { width, values } = column
      return { ...common, kind: 'fixed', width, values: takeFixed(values, width, ranges) }
    }
    case 'bytes': {
      const { own, starts, offsets } = takeOffsets(column, ranges)
      const bytes = offsets[starts.length] as number
      const copy = copier(column.values, new Uint8Array(bytes + SLACK_BYTES))
      for (let i = 0; i < starts.length; i++) {
        copy.bytes(starts[i] as number, offsets[i] as number, offsets[i + 1] as number)
      }
      return { ...common, kind: 'bytes', offsets: own, values: copy.target.subarray(0, bytes) }
    }
    case 'list': {
      const { own, ...below } = takeOffsets(column, ranges)
      return { ...common, kind: 'list', offsets: own, child: takeRanges(column.child, below) }
    }
    case 'struct':
      return {
        ...common,
        kind: 'struct',
        children: column.children.map((child) => takeRanges(child, ranges)),
      }
    default:
      return unreachable(column)
  }
}

/** Offsets of the result, and the ranges of what they point into. */
function takeOffsets(column: ByteColumn | ListColumn, { starts, offsets }: Ranges) {
  const source = column.offsets
  const own = new Int32Array((offsets[starts.length] as number) + 1)
  const below = { starts: new Int32Array(starts.length), offsets: new Int32Array(offsets.length) }
  let end = 0
  for (let i = 0; i < starts.length; i++) {
    const start = starts[i] as number
    const at = offsets[i] as number
    const size = (offsets[i + 1] as number) - at
    const first = source[start] as number
    const shift = end - first
    for (let k = 1; k <= size; k++) own[at + k] = (source[start + k] as number) + shift
    if (size > 0) end = (source[start + size] as number) + shift
    if (end > OFFSET_MAX) throw new RangeError(`a column needs more than ${OFFSET_MAX} bytes`)
    below.starts[i] = size > 0 ? first : 0
    below.offsets[i + 1] = end
  }
  return { own, ...below }
}

function takeFixed(values: Uint8Array, width: number, ranges: Ranges): Uint8Array {
  const isWords = width % 4 === 0 && values.byteOffset % 4 === 0
  const source = isWords ? viewInt32(values) : values
  const units = isWords ? width >> 2 : width
  const { starts, offsets } = ranges
  const length = (offsets[starts.length] as number) * units
  const out = isWords ? new Int32Array(length) : new Uint8Array(length)
  for (let i = 0; i < starts.length; i++) {
    let from = (starts[i] as number) * units
    const end = (offsets[i + 1] as number) * units
    for (let at = (offsets[i] as number) * units; at < end; at++) out[at] = source[from++] as number
  }
  return bytesOf(out)
}

function takeBits(source: Uint8Array, { starts, offsets }: Ranges, length: number): Uint8Array {
  const out = new Uint8Array(bitmapBytes(length))
  for (let i = 0; i < starts.length; i++) {
    let from = starts[i] as number
    for (let at = offsets[i] as number; at < (offsets[i + 1] as number); at++) {
      if (isSet(source, from++)) setBit(out, at)
    }
  }
  return out
}
