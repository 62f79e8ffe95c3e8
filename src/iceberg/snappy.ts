/** Snappy blocks as Avro stores them: the raw format, then a big-endian CRC-32 of the content. */
import { crc32 } from 'node:zlib'

const CRC_BYTES = 4

/** @throws Error for damage, and for content of more than `bytesMax`. */
export function decompressSnappy(block: Buffer, bytesMax: number): Buffer {
  if (block.length < CRC_BYTES) throw new Error('a snappy block is cut short')
  const end = block.length - CRC_BYTES
  const content = decompressRaw(block.subarray(0, end), bytesMax)
  if (crc32(content) !== block.readUInt32BE(end)) throw new Error('a snappy block has a bad CRC')
  return content
}

function decompressRaw(input: Buffer, bytesMax: number): Buffer {
  const { length, start } = readLength(input)
  if (length > bytesMax) throw new Error(`a snappy block claims ${length} bytes`)
  const output = Buffer.alloc(length)
  let from = start
  let to = 0
  while (from < input.length) {
    const tag = input.readUInt8(from++)
    const kind = tag & 3
    if (kind === 0) {
      const extra = Math.max(0, (tag >> 2) - 59)
      const count = 1 + (extra === 0 ? tag >> 2 : input.readUIntLE(from, extra))
      from += extra
      if (from + count > input.length || to + count > length) throw new Error('snappy overruns')
      input.copy(output, to, from, from + count)
      from += count
      to += count
      continue
    }
    const width = kind === 3 ? 4 : kind
    const count = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1
    const low = input.readUIntLE(from, width)
    const distance = kind === 1 ? ((tag >> 5) << 8) | low : low
    from += width
    if (distance === 0 || distance > to || to + count > length) throw new Error('snappy overruns')
    // Byte by byte: a copy may overlap what it writes, which is how runs are stored.
    for (let i = 0; i < count; i += 1, to += 1) output[to] = output[to - distance]!
  }
  if (to !== length) throw new Error('a snappy block is cut short')
  return output
}

function readLength(input: Buffer): { readonly length: number; readonly start: number } {
  let length = 0
  for (let start = 0; start < 5; start += 1) {
    const byte = input.readUInt8(start)
    length += (byte & 0x7f) * 2 ** (7 * start)
    if (byte < 0x80) return { length, start: start + 1 }
  }
  throw new Error('a snappy block has no length')
}
