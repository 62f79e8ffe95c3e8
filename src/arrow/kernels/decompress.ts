/** Bodies that a producer compressed: each buffer is an int64 length, then the compressed bytes. */
import { zstdDecompressSync } from 'node:zlib'
import type { Codec } from '../message.ts'

/** One buffer as it stood before compression. @throws RangeError when it is not what it says. */
export type Decompress = (codec: Codec, bytes: Uint8Array) => Uint8Array

const PREFIX_BYTES = 8
/** The prefix of a buffer that was left as it is. */
const NOT_COMPRESSED = -1n

/** Unpacks an LZ4 frame of a known size. */
export type Lz4Frame = (bytes: Uint8Array, length: number) => Uint8Array

/** Refuses to unpack more than `bytesMax` bytes over all its calls. */
export function boundedDecompress(bytesMax: number, lz4: Lz4Frame): Decompress {
  let left = bytesMax
  return (codec, bytes) => {
    if (bytes.length < PREFIX_BYTES) throw new RangeError('a compressed buffer lacks its length')
    const prefix = new DataView(bytes.buffer, bytes.byteOffset, PREFIX_BYTES).getBigInt64(0, true)
    const rest = bytes.subarray(PREFIX_BYTES)
    if (prefix === NOT_COMPRESSED) return rest
    if (prefix < 0n || prefix > BigInt(left)) {
      throw new RangeError(`a buffer of ${prefix} bytes is beyond what a job may unpack`)
    }
    const length = Number(prefix)
    left -= length
    if (length === 0) return new Uint8Array(0)
    const unpacked =
      codec === 'zstd' ? zstdDecompressSync(rest, { maxOutputLength: length }) : lz4(rest, length)
    if (unpacked.length !== length) throw new RangeError('a buffer unpacks to another length')
    return unpacked
  }
}
