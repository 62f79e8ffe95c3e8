/**
 * Values of the view layouts: 16 bytes each, either inline or a reference into a data buffer.
 *
 *     inline      i32 length <= 12, bytes, zeros
 *     reference   i32 length, first 4 bytes, i32 buffer, i32 offset
 *
 * Promises: every reference is inside its buffer and agrees with its prefix, null slots included,
 * because readers look at those too; text is UTF-8 value by value, at a cost that overlapping
 * references cannot multiply.
 */
import { isUtf8 } from 'node:buffer'
import { int32View, invalid, isContinuation, notUtf8 } from './buffers.ts'

const VIEW_BYTES = 16
const INLINE_BYTES = 12
const NON_ASCII = 0x80808080 | 0

export interface ViewBuffers {
  readonly views: Uint8Array
  readonly data: readonly Uint8Array[]
  readonly length: number
}

/** Bytes of all values together. @throws ServiceError `invalid` naming the row. */
export function checkViews(buffers: ViewBuffers, isText: boolean, path: string): number {
  const { data, length } = buffers
  const words = int32View(buffers.views, length * 4)
  const bytes = new Uint8Array(words.buffer, words.byteOffset, length * VIEW_BYTES)
  // A buffer that is valid as a whole leaves only the ends of each value to look at.
  const isWhole = isText ? data.map((buffer) => isUtf8(buffer)) : []
  let total = 0
  let scanned = 0
  const scannedMax = data.reduce((sum, buffer) => sum + buffer.length, 0) * 2
  for (let i = 0; i < length; i++) {
    const size = words[i * 4] as number
    total += size
    if (size >= 0 && size <= INLINE_BYTES) {
      checkInline(words, i, size, path)
      if (isText && hasHighBit(words, i) && !isUtf8(inlineBytes(bytes, i, size))) {
        throw notUtf8(path, i)
      }
      continue
    }
    const buffer = data[words[i * 4 + 2] as number]
    const offset = words[i * 4 + 3] as number
    if (size < 0 || !buffer || offset < 0 || offset + size > buffer.length) {
      throw invalid(path, `has a view outside its data buffers in row ${i}`)
    }
    if (!hasPrefix(bytes, i, buffer, offset)) {
      throw invalid(path, `has a view whose prefix is not the beginning of its value in row ${i}`)
    }
    if (!isText) continue
    if (isWhole[words[i * 4 + 2] as number]) {
      const end = offset + size
      if (
        isContinuation(buffer[offset] as number) ||
        (end < buffer.length && isContinuation(buffer[end] as number))
      ) {
        throw notUtf8(path, i)
      }
      continue
    }
    scanned += size
    if (scanned > scannedMax) throw invalid(path, 'has views that overlap in a damaged buffer')
    if (!isUtf8(buffer.subarray(offset, offset + size))) throw notUtf8(path, i)
  }
  return total
}

/** Lengths of the values, once they are checked. */
export function viewLengths({ views, length }: ViewBuffers): Float64Array {
  const words = int32View(views, length * 4)
  return Float64Array.from({ length }, (_, i) => words[i * 4] as number)
}

/** Bytes behind an inline value are zero: readers compare whole views. */
function checkInline(words: Int32Array, i: number, size: number, path: string): void {
  for (let word = 0; word < 3; word++) {
    const used = size - word * 4
    const mask = used >= 4 ? 0 : used <= 0 ? -1 : -1 << (used * 8)
    if (((words[i * 4 + 1 + word] as number) & mask) !== 0) {
      throw invalid(path, `has bytes behind the inline value of row ${i}`)
    }
  }
}

function hasHighBit(words: Int32Array, i: number): boolean {
  const all =
    (words[i * 4 + 1] as number) | (words[i * 4 + 2] as number) | (words[i * 4 + 3] as number)
  return (all & NON_ASCII) !== 0
}

function inlineBytes(bytes: Uint8Array, i: number, size: number): Uint8Array {
  return bytes.subarray(i * VIEW_BYTES + 4, i * VIEW_BYTES + 4 + size)
}

function hasPrefix(views: Uint8Array, i: number, buffer: Uint8Array, offset: number): boolean {
  const prefix = i * VIEW_BYTES + 4
  return (
    views[prefix] === buffer[offset] &&
    views[prefix + 1] === buffer[offset + 1] &&
    views[prefix + 2] === buffer[offset + 2] &&
    views[prefix + 3] === buffer[offset + 3]
  )
}
