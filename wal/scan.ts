/**
 * A segment file's bytes → the frames of its newest life.
 *
 * Promises: every frame whose head is intact is found, also behind damage (frames start at
 * multiples of 8), and none that belongs to an earlier life of the file. Pure.
 * Does not know: whether a hole is damage or a torn tail; `recover.ts` decides that.
 */
import {
  ALIGNMENT,
  chainedCrc,
  decodeHead,
  type FrameHead,
  frameLength,
  isSameLife,
  MAGIC,
  peekLife,
  type SegmentLife,
} from './frame.ts'

export interface ScannedFrame {
  readonly head: FrameHead
  readonly offset: number
  readonly headBytes: number
  readonly end: number
  readonly isPayloadIntact: boolean
  /** A copy of the payload of a checkpoint, a trim or a release. */
  readonly control: Buffer | undefined
}

export interface ScannedSegment {
  /** Name of the file in the folder of segments. */
  readonly file: string
  readonly fileBytes: number
  readonly life: SegmentLife
  readonly frames: readonly ScannedFrame[]
  /** Offset behind the last trace of this life, whole or torn. */
  readonly traceEnd: number
}

/** Undefined when no frame of any life is in the file. */
export function scanSegment(file: string, bytes: Buffer): ScannedSegment | undefined {
  const life = decodeHead(bytes, 0)?.head.life ?? newestLife(bytes)
  if (!life) return undefined
  const frames: ScannedFrame[] = []
  let at = 0
  while (at < bytes.length) {
    const frame = frameAt(bytes, at, life)
    if (frame && frame.head.frameNumber > (frames.at(-1)?.head.frameNumber ?? 0)) {
      frames.push(frame)
      at = frame.end
    } else {
      at = nextCandidate(bytes, at + ALIGNMENT, life)
    }
  }
  const end = frames.at(-1)?.end ?? 0
  const traceEnd = tornEnd(bytes, end, life)
  return { file, fileBytes: bytes.length, life, frames, traceEnd }
}

function frameAt(bytes: Buffer, offset: number, life: SegmentLife): ScannedFrame | undefined {
  const claimed = peekLife(bytes, offset)
  if (!claimed || !isSameLife(claimed, life)) return undefined
  const decoded = decodeHead(bytes, offset)
  if (!decoded) return undefined
  const { head, headBytes } = decoded
  const start = offset + headBytes
  const payload = bytes.subarray(start, start + head.payloadBytes)
  const isWhole = start + head.payloadBytes <= bytes.length
  const isPayloadIntact = isWhole && chainedCrc([payload]) === head.payloadCrc
  const isControl = head.kind !== 'entry' && head.kind !== 'definition'
  return {
    head,
    offset,
    headBytes,
    end: Math.min(offset + frameLength(headBytes, head.payloadBytes), bytes.length),
    isPayloadIntact,
    control: isControl && isPayloadIntact ? Buffer.from(payload) : undefined,
  }
}

/** With the first head damaged, the newest life that any intact head in the file speaks of. */
function newestLife(bytes: Buffer): SegmentLife | undefined {
  let newest: SegmentLife | undefined
  let at = nextMagic(bytes, 0)
  while (at < bytes.length) {
    const decoded = decodeHead(bytes, at)
    if (decoded && isNewer(decoded.head.life, newest)) newest = decoded.head.life
    at = nextMagic(bytes, decoded ? at + decoded.headBytes : at + ALIGNMENT)
  }
  return newest
}

function isNewer(life: SegmentLife, than: SegmentLife | undefined): boolean {
  if (!than) return true
  if (life.ordinal !== than.ordinal) return life.ordinal > than.ordinal
  return life.epoch > than.epoch
}

function nextCandidate(bytes: Buffer, from: number, life: SegmentLife): number {
  let at = nextMagic(bytes, from)
  while (at < bytes.length) {
    const claimed = peekLife(bytes, at)
    if (claimed && isSameLife(claimed, life)) return at
    at = nextMagic(bytes, at + ALIGNMENT)
  }
  return bytes.length
}

function nextMagic(bytes: Buffer, from: number): number {
  let at = bytes.indexOf(MAGIC, from)
  while (at >= 0 && at % ALIGNMENT !== 0) at = bytes.indexOf(MAGIC, at + 1)
  return at < 0 ? bytes.length : at
}

/** How far a frame that was begun at `end` and never finished can be seen to reach. */
function tornEnd(bytes: Buffer, end: number, life: SegmentLife): number {
  if (end + MAGIC.length > bytes.length) return bytes.length
  if (!bytes.subarray(end, end + MAGIC.length).equals(MAGIC)) return end
  const claimed = peekLife(bytes, end)
  // A file that ends inside the fixed part of a head: all that is left of it is torn.
  if (!claimed) return bytes.length
  if (!isSameLife(claimed, life)) return end
  const claimedEnd = end + frameLength(bytes.readUInt32LE(end + 28), bytes.readUInt32LE(end + 24))
  return Math.min(claimedEnd, bytes.length)
}
