/**
 * How many bytes an LZ4 frame stands for, found by walking its sequences: for readers that are
 * given a frame without its length.
 *
 * Promises: linear in the source, nothing is reserved. Whether the bytes are right is for the
 * decoder to say.
 */
import { ServiceError } from '../errors.ts'

const HAS_BLOCK_CHECKSUM = 0x10
const HAS_CONTENT_SIZE = 0x08
const STORED = 0x80000000
const MATCH_MIN = 4
const LENGTH_IN_TOKEN_MAX = 15

/** @throws ServiceError `invalid` for a frame that ends before its end. */
export function lz4FrameLength(source: Uint8Array): number {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength)
  const flags = source[4] ?? 0
  if (flags & HAS_CONTENT_SIZE && source.length >= 14) return Number(view.getBigUint64(6, true))
  let at = 7
  let total = 0
  while (at + 4 <= source.length) {
    const header = view.getUint32(at, true)
    at += 4
    if (header === 0) return total
    const size = header % STORED
    total += header >= STORED ? size : blockLength(source.subarray(at, at + size))
    at += size + (flags & HAS_BLOCK_CHECKSUM ? 4 : 0)
  }
  throw new ServiceError('invalid', 'an LZ4 frame has no end')
}

function blockLength(block: Uint8Array): number {
  let at = 0
  let total = 0
  const extended = (inToken: number): number => {
    let length = inToken
    if (inToken < LENGTH_IN_TOKEN_MAX) return length
    for (;;) {
      const more = block[at++] ?? 0
      length += more
      if (more < 255) return length
    }
  }
  while (at < block.length) {
    const token = block[at++] ?? 0
    const literals = extended(token >>> 4)
    at += literals
    total += literals
    // The last sequence of a block has literals only.
    if (at >= block.length) break
    at += 2
    total += extended(token & LENGTH_IN_TOKEN_MAX) + MATCH_MIN
  }
  return total
}
