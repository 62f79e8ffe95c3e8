/**
 * Offsets, sizes and views from the wire, checked and brought to 32-bit offsets from 0.
 *
 * Promises: offsets rise and stay within what they point into, so that nobody after this needs to
 * look again.
 */
import { isSet } from './bits.ts'
import { aligned, viewInt32 } from './column.ts'

const INLINE_BYTES_MAX = 12
const VIEW_BYTES = 16

/** Offsets counted from 0, and where in the data they began and end. */
export function readOffsets(bytes: Uint8Array, length: number, isLarge: boolean) {
  // A column without rows may come without its single offset.
  if (bytes.length === 0 && length === 0) return { offsets: new Int32Array(1), first: 0, last: 0 }
  const raw = readInt32s(bytes, length + 1, isLarge)
  const first = raw[0] as number
  if (first < 0) throw new RangeError('an offset is negative')
  let previous = first
  for (let i = 1; i <= length; i++) {
    const offset = raw[i] as number
    if (offset < previous) throw new RangeError('offsets run backwards')
    previous = offset
  }
  return { offsets: first === 0 ? raw : raw.map((offset) => offset - first), first, last: previous }
}

/** Non-negative numbers of 32 or 64 bits; none may be beyond 2^31 - 1. */
export function readSizes(bytes: Uint8Array, count: number, isLarge: boolean): Int32Array {
  const sizes = readInt32s(bytes, count, isLarge)
  for (let i = 0; i < count; i++) {
    if ((sizes[i] as number) < 0) throw new RangeError('a size or position is negative')
  }
  return sizes
}

function readInt32s(bytes: Uint8Array, count: number, isLarge: boolean): Int32Array {
  const width = isLarge ? 8 : 4
  if (bytes.length < count * width) {
    throw new RangeError(`an offset buffer of ${bytes.length} bytes should have ${count * width}`)
  }
  const words = viewInt32(aligned(bytes.subarray(0, count * width)))
  const sizes = isLarge ? new Int32Array(count) : words
  if (isLarge) {
    for (let i = 0; i < count; i++) {
      if (words[i * 2 + 1] !== 0) throw new RangeError('an offset is beyond 2^31 - 1')
      sizes[i] = words[i * 2] as number
    }
  }
  return sizes
}

/** Views (16 bytes each: inline bytes, or prefix, buffer and offset) as offsets and values. */
export function readViews(
  views: Uint8Array,
  buffers: readonly Uint8Array[],
  { length, validity }: { readonly length: number; readonly validity: Uint8Array | undefined },
) {
  const words = viewInt32(aligned(views.subarray(0, length * VIEW_BYTES)))
  const offsets = new Int32Array(length + 1)
  let end = 0
  for (let row = 0; row < length; row++) {
    const isValue = validity === undefined || isSet(validity, row)
    const size = isValue ? (words[row * 4] as number) : 0
    end += size
    if (size < 0 || end > 2 ** 31 - 1) throw new RangeError('a view has an impossible length')
    offsets[row + 1] = end
  }
  const values = new Uint8Array(end)
  for (let row = 0; row < length; row++) {
    const at = offsets[row] as number
    const size = (offsets[row + 1] as number) - at
    if (size === 0) continue
    const isInline = size <= INLINE_BYTES_MAX
    const source = isInline ? views : buffers[words[row * 4 + 2] as number]
    const start = isInline ? row * VIEW_BYTES + 4 : (words[row * 4 + 3] as number)
    if (!source || start < 0 || start + size > source.length) {
      throw new RangeError('a view points outside its buffers')
    }
    values.set(source.subarray(start, start + size), at)
  }
  return { offsets, values }
}
