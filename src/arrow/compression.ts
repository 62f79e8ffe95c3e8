/**
 * Compressed bodies: each buffer by itself, behind an int64 with its uncompressed length; -1 means
 * that the buffer follows as it is.
 *
 * Promises: what the buffers claim is added up against the limit before a byte is decoded or
 * reserved, and a buffer that decodes to anything but its claim is refused.
 */
import { zstdDecompressSync } from 'node:zlib'
import { ServiceError } from '../errors.ts'
import { checkBuffers } from './batch-reader.ts'
import { decodeLz4Frame } from './lz4.ts'
import { type ArrowMessage, type BatchHeader, type Codec, readMessage } from './message.ts'
import { writeBatchMetadata } from './message-write.ts'

const PREFIX_BYTES = 8
const STORED = -1n
const ALIGNMENT = 8
/** No LZ4 byte stands for more than this many; a larger claim is a lie and is not reserved. */
const LZ4_RATIO_MAX = 255
const ZSTD_CHUNK_MIN = 65_536
const ZSTD_CHUNK_MAX = 8 * 1024 * 1024

export interface Decompressed {
  readonly header: BatchHeader
  readonly body: Uint8Array
}

export interface BodyLimit {
  readonly bytesMax: number
  /** The setting that raises it. */
  readonly setting: string
}

/**
 * The same message with its body decompressed and new metadata that says so; a message that is not
 * compressed is returned as it is. Any reader that knows no compression can take it.
 *
 * @throws ServiceError `invalid` for damaged bytes, `too-large` beyond the limit.
 */
export function decompressBody(message: ArrowMessage, bytesMax: number): ArrowMessage {
  const header = readMessage(message.metadata)
  if (header.kind === 'schema' || header.batch.codec === undefined) return message
  const limit = { bytesMax, setting: 'ingest.batchBytesMax' }
  const { header: batch, body } = decompress(header.batch, message.body, limit)
  const metadata = writeBatchMetadata({ ...header, batch, bodyLength: body.length })
  return { metadata, body }
}

/** The header and body as if they had never been compressed; buffers begin at multiples of 8. */
export function decompress(header: BatchHeader, body: Uint8Array, limit: BodyLimit): Decompressed {
  const { codec, buffers } = header
  if (codec === undefined) return { header, body }
  checkBuffers(buffers, body.length)
  const claims = readClaims(buffers, body)
  let total = 0
  for (const claim of claims) total += Math.ceil(claim.length / ALIGNMENT) * ALIGNMENT
  if (total > limit.bytesMax) {
    throw new ServiceError(
      'too-large',
      `the compressed body stands for ${total} bytes, at most ${limit.bytesMax} are allowed (${limit.setting}): send fewer rows at once`,
      { context: { bytes: total, bytesMax: limit.bytesMax } },
    )
  }
  for (const claim of claims) checkPlausible(claim, codec)
  const target = new Uint8Array(total)
  const positions = new Float64Array(buffers.length)
  let at = 0
  claims.forEach((claim, i) => {
    positions[i * 2] = at
    positions[i * 2 + 1] = claim.length
    decode(claim, codec, target.subarray(at, at + claim.length))
    at += Math.ceil(claim.length / ALIGNMENT) * ALIGNMENT
  })
  return { header: { ...header, codec: undefined, buffers: positions }, body: target }
}

interface Claim {
  readonly length: number
  readonly isStored: boolean
  readonly source: Uint8Array
}

function readClaims(buffers: Float64Array, body: Uint8Array): Claim[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  return Array.from({ length: buffers.length / 2 }, (_, i) => {
    const offset = buffers[i * 2] as number
    const bytes = buffers[i * 2 + 1] as number
    if (bytes === 0) return { length: 0, isStored: true, source: body.subarray(0, 0) }
    if (bytes < PREFIX_BYTES) {
      throw new ServiceError('invalid', `compressed buffer ${i} has ${bytes} bytes, no length`)
    }
    const source = body.subarray(offset + PREFIX_BYTES, offset + bytes)
    const claimed = view.getBigInt64(offset, true)
    if (claimed === STORED) return { length: source.length, isStored: true, source }
    if (claimed < 0n || claimed > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new ServiceError('invalid', `compressed buffer ${i} claims ${claimed} bytes`)
    }
    return { length: Number(claimed), isStored: false, source }
  })
}

function checkPlausible({ length, isStored, source }: Claim, codec: Codec): void {
  if (isStored || codec !== 'lz4' || length <= source.length * LZ4_RATIO_MAX) return
  throw new ServiceError(
    'invalid',
    `an LZ4 buffer of ${source.length} bytes claims to stand for ${length}`,
  )
}

function decode({ isStored, source }: Claim, codec: Codec, target: Uint8Array): void {
  if (isStored) target.set(source)
  else if (codec === 'lz4') decodeLz4Frame(source, target)
  else target.set(decodeZstd(source, target.length))
}

function decodeZstd(source: Uint8Array, length: number): Uint8Array {
  let decoded: Uint8Array
  try {
    decoded = zstdDecompressSync(source, {
      maxOutputLength: Math.max(1, length),
      chunkSize: Math.min(Math.max(length, ZSTD_CHUNK_MIN), ZSTD_CHUNK_MAX),
    })
  } catch (cause) {
    throw new ServiceError(
      'invalid',
      `a ZSTD buffer of the body is damaged or holds more than the ${length} bytes that it claims`,
      { cause },
    )
  }
  if (decoded.length === length) return decoded
  throw new ServiceError(
    'invalid',
    `a ZSTD buffer of the body holds ${decoded.length} bytes, it claims ${length}`,
  )
}
