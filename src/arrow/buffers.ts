/**
 * Typed views of untrusted buffers and the loops over them.
 *
 * Promises: each loop is linear in the slots it is given; a view is copied only when the platform
 * cannot address it where it lies (a body that a transport left unaligned).
 */
import { isAscii, isUtf8 } from 'node:buffer'
import { ServiceError } from '../errors.ts'

const HIGH_MAX = 2 ** 21

/** Positions in a buffer or a child: int32 as they are, int64 as doubles. */
export type Offsets = Int32Array | Float64Array

/** `count` int32 from the start of `bytes`, which is long enough. */
export function int32View(bytes: Uint8Array, count: number): Int32Array {
  if (bytes.byteOffset % 4 === 0) return new Int32Array(bytes.buffer, bytes.byteOffset, count)
  const copy = new Uint8Array(count * 4)
  copy.set(bytes.subarray(0, copy.length))
  return new Int32Array(copy.buffer)
}

/** `count` int64 as doubles. @throws ServiceError `invalid` outside 0..2^53. */
export function int64View(bytes: Uint8Array, count: number, path: string): Float64Array {
  const words = int32View(bytes, count * 2)
  const out = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    const high = words[i * 2 + 1] as number
    if (high < 0 || high >= HIGH_MAX) {
      throw invalid(path, `has an offset or size that is negative or beyond 2^53 in row ${i}`)
    }
    out[i] = high * 2 ** 32 + ((words[i * 2] as number) >>> 0)
  }
  return out
}

/** Offsets never decrease and stay in 0..limit. */
export function checkOffsets(offsets: Offsets, limit: number, path: string): void {
  let previous = offsets[0] as number
  if (previous < 0) throw invalid(path, `begins at offset ${previous}`)
  for (let i = 1; i < offsets.length; i++) {
    const offset = offsets[i] as number
    if (offset < previous) {
      throw invalid(path, `has offset ${offset} after ${previous} in row ${i - 1}`)
    }
    previous = offset
  }
  if (previous > limit) {
    throw invalid(path, `has offsets up to ${previous}, its data ends at ${limit}`)
  }
}

/** Each value between two offsets is UTF-8 by itself. */
export function checkUtf8(data: Uint8Array, offsets: Offsets, path: string): void {
  const last = offsets[offsets.length - 1] as number
  const used = data.subarray(offsets[0], last)
  if (isAscii(used)) return
  if (!isUtf8(used)) throw notUtf8(path, firstBadRow(data, offsets))
  // The whole being valid, a value can only be broken by a boundary inside a character.
  for (let i = 0; i < offsets.length; i++) {
    const offset = offsets[i] as number
    if (offset < last && isContinuation(data[offset] as number)) {
      throw notUtf8(path, Math.max(0, i - 1))
    }
  }
}

export function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80
}

export function notUtf8(path: string, row: number): ServiceError {
  return invalid(path, `has text that is not valid UTF-8 in row ${row}`)
}

export function invalid(path: string, found: string): ServiceError {
  return new ServiceError('invalid', `column ${path} ${found}`, { context: { column: path } })
}

function firstBadRow(data: Uint8Array, offsets: Offsets): number {
  for (let i = 0; i + 1 < offsets.length; i++) {
    if (!isUtf8(data.subarray(offsets[i], offsets[i + 1]))) return i
  }
  return offsets.length - 2
}
