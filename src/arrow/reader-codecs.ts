/** Teaches the Arrow library to read compressed bodies: of people's own files, not of the wire. */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { CompressionType, compressionRegistry } from 'apache-arrow'
import { decodeLz4Frame } from './lz4.ts'
import { lz4FrameLength } from './lz4-length.ts'

/** Safe to call twice. */
export function registerReaderCodecs(): void {
  compressionRegistry.set(CompressionType.ZSTD, {
    encode: (bytes) => zstdCompressSync(bytes),
    decode: (bytes) => zstdDecompressSync(bytes),
  })
  compressionRegistry.set(CompressionType.LZ4_FRAME, {
    decode: (bytes) => {
      const decoded = new Uint8Array(lz4FrameLength(bytes))
      decodeLz4Frame(bytes, decoded)
      return decoded
    },
  })
}
