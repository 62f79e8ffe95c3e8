/**
 * One frame ⇄ bytes. `README.md` beside this file is the normative description of the layout.
 *
 * Promises: a head that decodes is, byte for byte, one that was encoded for this life of the
 * segment; stale bytes of a recycled segment and frames hidden inside payloads never do.
 * Does not know: where a frame stands, or what its payload means.
 */
import { crc32 } from 'node:zlib'

export const FORMAT_VERSION = 1
export const ALIGNMENT = 8
/** The part of a head whose size does not vary. */
export const FIXED_HEAD_BYTES = 104
export const KEY_BYTES_MAX = 1_024
export const PRODUCER_ID_BYTES_MAX = 1_024
export const DEFINITIONS_MAX = 1_024
export const MAGIC = Buffer.from('FZLg', 'latin1')

const MAGIC_NUMBER = MAGIC.readUInt32LE(0)
const REFERENCE_BYTES = 24
const ID_BYTES = 16
const FLAG_MOVED = 1
const FLAG_PRODUCER = 2
const CRC_OFFSET = 4
const CRC_END = 8

export const FRAME_KINDS = ['checkpoint', 'definition', 'entry', 'trim', 'release'] as const
export type FrameKind = (typeof FRAME_KINDS)[number]

/** One use of a segment file. All three must match, so nothing from another use is ever taken. */
export interface SegmentLife {
  /** Position of the segment in the log, from 1. */
  readonly ordinal: number
  readonly epoch: bigint
  /** Random, so that nobody can prepare a payload that reads as a frame. */
  readonly nonce: bigint
}

/** Where in the same segment the bytes of a definition are. */
export interface DefinitionReference {
  readonly id: string
  readonly offset: number
}

export interface FrameHead {
  readonly kind: FrameKind
  /** Written again to free its old segment; the sequence is the first one's. */
  readonly isMoved: boolean
  readonly life: SegmentLife
  /** Gap-free over all frames of the log, from 1. */
  readonly frameNumber: number
  /** The last frame that was known to be on disk when this one was made. */
  readonly durableThrough: number
  /** Of an entry its own; 0n otherwise. */
  readonly sequence: bigint
  /** What the first new entry after this frame gets. */
  readonly nextSequence: bigint
  readonly appendedAt: number
  readonly key: string
  readonly producer: { readonly id: string; readonly sequence: bigint } | undefined
  readonly definitions: readonly DefinitionReference[]
  readonly payloadBytes: number
  readonly payloadCrc: number
}

export interface DecodedHead {
  readonly head: FrameHead
  readonly headBytes: number
}

export function alignedLength(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT
}

export function frameLength(headBytes: number, payloadBytes: number): number {
  return headBytes + alignedLength(payloadBytes)
}

/** Bytes of the head, padding included, for a frame with these variable parts. */
export function headLength(
  head: Pick<FrameHead, 'key' | 'producer'>,
  definitionCount: number,
): number {
  const texts = Buffer.byteLength(head.key) + Buffer.byteLength(head.producer?.id ?? '')
  return alignedLength(FIXED_HEAD_BYTES + definitionCount * REFERENCE_BYTES + texts)
}

/** CRC-32 over parts in order, as if they were one. */
export function chainedCrc(parts: readonly Uint8Array[]): number {
  let crc = 0
  for (const part of parts) crc = crc32(part, crc)
  return crc
}

export function encodeHead(head: FrameHead): Buffer {
  const headBytes = headLength(head, head.definitions.length)
  const bytes = Buffer.alloc(headBytes)
  const key = Buffer.from(head.key)
  const producerId = Buffer.from(head.producer?.id ?? '')
  MAGIC.copy(bytes)
  bytes.writeUInt8(FORMAT_VERSION, 8)
  bytes.writeUInt8(FRAME_KINDS.indexOf(head.kind) + 1, 9)
  bytes.writeUInt16LE((head.isMoved ? FLAG_MOVED : 0) | (head.producer ? FLAG_PRODUCER : 0), 10)
  bytes.writeUInt16LE(key.length, 12)
  bytes.writeUInt16LE(producerId.length, 14)
  bytes.writeUInt16LE(head.definitions.length, 16)
  bytes.writeUInt32LE(head.payloadCrc, 20)
  bytes.writeUInt32LE(head.payloadBytes, 24)
  bytes.writeUInt32LE(headBytes, 28)
  bytes.writeBigUInt64LE(BigInt(head.life.ordinal), 32)
  bytes.writeBigUInt64LE(head.life.epoch, 40)
  bytes.writeBigUInt64LE(head.life.nonce, 48)
  bytes.writeBigUInt64LE(BigInt(head.frameNumber), 56)
  bytes.writeBigUInt64LE(BigInt(head.durableThrough), 64)
  bytes.writeBigUInt64LE(head.sequence, 72)
  bytes.writeBigUInt64LE(head.nextSequence, 80)
  bytes.writeBigInt64LE(BigInt(Math.trunc(head.appendedAt)), 88)
  bytes.writeBigUInt64LE(head.producer?.sequence ?? 0n, 96)
  let at = FIXED_HEAD_BYTES
  for (const { id, offset } of head.definitions) {
    bytes.write(id, at, ID_BYTES, 'hex')
    bytes.writeBigUInt64LE(BigInt(offset), at + ID_BYTES)
    at += REFERENCE_BYTES
  }
  key.copy(bytes, at)
  producerId.copy(bytes, at + key.length)
  bytes.writeUInt32LE(headCrc(bytes), CRC_OFFSET)
  return bytes
}

/** The life that the bytes at an offset claim, unproven; undefined when no head can start there. */
export function peekLife(bytes: Buffer, offset: number): SegmentLife | undefined {
  if (offset + FIXED_HEAD_BYTES > bytes.length) return undefined
  if (bytes.readUInt32LE(offset) !== MAGIC_NUMBER) return undefined
  return {
    ordinal: Number(bytes.readBigUInt64LE(offset + 32)),
    epoch: bytes.readBigUInt64LE(offset + 40),
    nonce: bytes.readBigUInt64LE(offset + 48),
  }
}

export function isSameLife(a: SegmentLife, b: SegmentLife): boolean {
  return a.ordinal === b.ordinal && a.epoch === b.epoch && a.nonce === b.nonce
}

/** The head at an offset if its checksum holds. The payload behind it is not looked at. */
export function decodeHead(bytes: Buffer, offset: number): DecodedHead | undefined {
  const life = peekLife(bytes, offset)
  if (!life) return undefined
  const headBytes = claimedHeadLength(bytes, offset)
  if (headBytes === undefined || offset + headBytes > bytes.length) return undefined
  const head = bytes.subarray(offset, offset + headBytes)
  if (headCrc(head) !== head.readUInt32LE(CRC_OFFSET)) return undefined
  const kind = FRAME_KINDS[head.readUInt8(9) - 1]
  if (kind === undefined) return undefined
  return { head: decodeFields(head, life, kind), headBytes }
}

function claimedHeadLength(bytes: Buffer, offset: number): number | undefined {
  if (bytes.readUInt8(offset + 8) !== FORMAT_VERSION) return undefined
  const keyBytes = bytes.readUInt16LE(offset + 12)
  const producerIdBytes = bytes.readUInt16LE(offset + 14)
  const definitionCount = bytes.readUInt16LE(offset + 16)
  if (keyBytes > KEY_BYTES_MAX || producerIdBytes > PRODUCER_ID_BYTES_MAX) return undefined
  if (definitionCount > DEFINITIONS_MAX) return undefined
  const variable = definitionCount * REFERENCE_BYTES + keyBytes + producerIdBytes
  const headBytes = alignedLength(FIXED_HEAD_BYTES + variable)
  return headBytes === bytes.readUInt32LE(offset + 28) ? headBytes : undefined
}

function decodeFields(head: Buffer, life: SegmentLife, kind: FrameKind): FrameHead {
  const flags = head.readUInt16LE(10)
  const count = head.readUInt16LE(16)
  const keyStart = FIXED_HEAD_BYTES + count * REFERENCE_BYTES
  const keyEnd = keyStart + head.readUInt16LE(12)
  const producerId = head.toString('utf8', keyEnd, keyEnd + head.readUInt16LE(14))
  const isFromProducer = (flags & FLAG_PRODUCER) !== 0
  return {
    kind,
    isMoved: (flags & FLAG_MOVED) !== 0,
    life,
    frameNumber: Number(head.readBigUInt64LE(56)),
    durableThrough: Number(head.readBigUInt64LE(64)),
    sequence: head.readBigUInt64LE(72),
    nextSequence: head.readBigUInt64LE(80),
    appendedAt: Number(head.readBigInt64LE(88)),
    key: head.toString('utf8', keyStart, keyEnd),
    producer: isFromProducer ? { id: producerId, sequence: head.readBigUInt64LE(96) } : undefined,
    definitions: Array.from({ length: count }, (_, i) => {
      const at = FIXED_HEAD_BYTES + i * REFERENCE_BYTES
      return {
        id: head.toString('hex', at, at + ID_BYTES),
        offset: Number(head.readBigUInt64LE(at + ID_BYTES)),
      }
    }),
    payloadBytes: head.readUInt32LE(24),
    payloadCrc: head.readUInt32LE(20),
  }
}

function headCrc(head: Buffer): number {
  return crc32(head.subarray(CRC_END), crc32(head.subarray(0, CRC_OFFSET)))
}
