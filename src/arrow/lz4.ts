/**
 * LZ4 frames, decoded into a buffer of known size.
 *
 * Promises: no byte outside source and target is touched, the work is linear in both, and the frame
 * fills the target exactly or is refused. Checksums that the frame carries are verified.
 *
 *     frame   u32 magic, u8 flags, u8 block size, [u64 content size], u8 header checksum,
 *             blocks, u32 zero, [u32 content checksum]
 *     block   u32 size (top bit: stored as it is), bytes, [u32 checksum]
 */
import { ServiceError } from '../errors.ts'
import { xxh32 } from './xxh32.ts'

const MAGIC = 0x184d2204
const VERSION_MASK = 0xc0
const VERSION_1 = 0x40
const HAS_BLOCK_CHECKSUM = 0x10
const HAS_CONTENT_SIZE = 0x08
const HAS_CONTENT_CHECKSUM = 0x04
const HAS_DICTIONARY = 0x01
const STORED = 0x80000000
const MATCH_MIN = 4
const LENGTH_IN_TOKEN_MAX = 15
const OFFSET_BYTES = 2

/** @throws ServiceError `invalid` unless `source` is one frame of exactly `target.length` bytes. */
export function decodeLz4Frame(source: Uint8Array, target: Uint8Array): void {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength)
  if (source.length < 11 || view.getUint32(0, true) !== MAGIC) throw damaged('no frame header')
  const flags = source[4] as number
  if ((flags & VERSION_MASK) !== VERSION_1 || (flags & HAS_DICTIONARY) !== 0) {
    throw damaged('a version or dictionary that is not supported')
  }
  let at = 6
  if (flags & HAS_CONTENT_SIZE) {
    if (source.length < 19) throw damaged('no end')
    if (view.getBigUint64(at, true) !== BigInt(target.length)) {
      throw damaged(`a content size other than the ${target.length} bytes that it stands for`)
    }
    at += 8
  }
  if (((xxh32(source.subarray(4, at)) >>> 8) & 0xff) !== source[at]) {
    throw damaged('a wrong header checksum')
  }
  const end = decodeBlocks(source, at + 1, { target, hasChecksum: !!(flags & HAS_BLOCK_CHECKSUM) })
  checkEnd(source, end, flags & HAS_CONTENT_CHECKSUM ? target : undefined)
}

/** Returns where the end mark's successor is. */
function decodeBlocks(
  source: Uint8Array,
  start: number,
  { target, hasChecksum }: { target: Uint8Array; hasChecksum: boolean },
): number {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength)
  let at = start
  let written = 0
  for (;;) {
    if (at + 4 > source.length) throw damaged('no end')
    const header = view.getUint32(at, true)
    at += 4
    if (header === 0) break
    const size = header % STORED
    const trailer = hasChecksum ? 4 : 0
    if (at + size + trailer > source.length) throw damaged('a block beyond its end')
    const block = source.subarray(at, at + size)
    if (hasChecksum && view.getUint32(at + size, true) !== xxh32(block)) {
      throw damaged('a wrong block checksum')
    }
    if (header < STORED) written = decodeLz4Block(block, target, written)
    else if (written + size > target.length) throw overrun(target)
    else {
      target.set(block, written)
      written += size
    }
    at += size + trailer
  }
  if (written !== target.length) {
    throw damaged(`${written} bytes instead of the ${target.length} that it stands for`)
  }
  return at
}

function checkEnd(source: Uint8Array, end: number, content: Uint8Array | undefined): void {
  const checksumBytes = content ? 4 : 0
  if (end + checksumBytes !== source.length) throw damaged('something behind its end, or no end')
  if (!content) return
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength)
  if (view.getUint32(end, true) !== xxh32(content)) throw damaged('a wrong content checksum')
}

/** Appends the block's bytes at `start`; matches may reach back to the target's beginning. */
export function decodeLz4Block(source: Uint8Array, target: Uint8Array, start: number): number {
  let at = 0
  let out = start
  while (at < source.length) {
    const token = source[at++] as number
    let literals = token >>> 4
    if (literals === LENGTH_IN_TOKEN_MAX) {
      let more: number
      do {
        if (at >= source.length) throw damaged('a length that does not end')
        more = source[at++] as number
        literals += more
      } while (more === 255)
    }
    if (at + literals > source.length) throw damaged('literals beyond its end')
    if (out + literals > target.length) throw overrun(target)
    if (literals > 32) target.set(source.subarray(at, at + literals), out)
    else for (let i = 0; i < literals; i++) target[out + i] = source[at + i] as number
    at += literals
    out += literals
    // The last sequence of a block has literals only.
    if (at === source.length) return out
    if (at + OFFSET_BYTES > source.length) throw damaged('a match without its offset')
    const offset = (source[at] as number) | ((source[at + 1] as number) << 8)
    at += OFFSET_BYTES
    let length = token & LENGTH_IN_TOKEN_MAX
    if (length === LENGTH_IN_TOKEN_MAX) {
      let more: number
      do {
        if (at >= source.length) throw damaged('a length that does not end')
        more = source[at++] as number
        length += more
      } while (more === 255)
    }
    length += MATCH_MIN
    if (offset === 0 || offset > out) throw damaged('a match before its beginning')
    if (out + length > target.length) throw overrun(target)
    copyMatch(target, out, { offset, length })
    out += length
  }
  return out
}

/** Byte by byte where source and target overlap: then the match repeats itself, by design. */
function copyMatch(
  target: Uint8Array,
  out: number,
  { offset, length }: { offset: number; length: number },
): void {
  const from = out - offset
  if (offset >= length && length > 32) target.copyWithin(out, from, from + length)
  else if (offset === 1) target.fill(target[from] as number, out, out + length)
  else for (let i = 0; i < length; i++) target[out + i] = target[from + i] as number
}

function overrun(target: Uint8Array): ServiceError {
  return damaged(`more than the ${target.length} bytes that it stands for`)
}

function damaged(found: string): ServiceError {
  return new ServiceError('invalid', `an LZ4 frame of the body has ${found}`)
}
