/**
 * Frames, in order, → keys, producers, live entries, damage.
 *
 * Promises: a bad frame whose number is at or below what a later intact frame knew to be durable
 * was acknowledged, so it is damage and what follows it still counts; any other bad frame is a torn
 * tail and ends the log.
 */
import {
  type Checkpoint,
  decodeRelease,
  decodeTrim,
  type KeyRecord,
  type SegmentRecord,
} from './control.ts'
import { FIXED_HEAD_BYTES } from './frame.ts'
import { ProducerTable } from './producers.ts'
import type { ScannedFrame, ScannedSegment } from './scan.ts'

export interface RecoveredEntry {
  readonly key: string
  readonly sequence: bigint
  readonly appendedAt: number
  readonly payloadBytes: number
  readonly ordinal: number
  readonly offset: number
  readonly headBytes: number
  readonly frameNumber: number
  readonly isIntact: boolean
}

export interface Damage {
  /** Empty when the whole file is missing. */
  readonly file: string
  readonly ordinal: number
  readonly offset: number
  readonly end: number
  readonly reason: string
}

export interface RecoveredSegment extends SegmentRecord {
  readonly file: string
}

export interface RecoveredLog {
  readonly nextFrame: number
  readonly nextSequence: bigint
  readonly lastOrdinal: number
  /** The segment with the newest checkpoint: it and those after it say what the others hold. */
  readonly baseOrdinal: number
  readonly lastEpoch: bigint
  readonly keys: ReadonlyMap<string, KeyRecord>
  readonly producers: ProducerTable
  /** Not trimmed, by key in the order of their sequences. */
  readonly entries: ReadonlyMap<string, readonly RecoveredEntry[]>
  /** Segments that may hold live entries; every other file is free. */
  readonly segments: readonly RecoveredSegment[]
  /** Listed by the newest checkpoint and released since: their files may hold anything. */
  readonly released: readonly number[]
  readonly damaged: readonly Damage[]
  readonly tornTailBytes: number
}

export class Rebuild {
  #nextFrame = 1
  #nextSequence = 1n
  #tornTailBytes = 0
  #skipped = 0n
  #newestOrdinal = 0
  #baseOrdinal = 0
  #fileBytes: number | undefined
  readonly #keys = new Map<string, KeyRecord>()
  /** Keys that the checkpoint lists. */
  #known: ReadonlySet<string> = new Set()
  readonly #producers: ProducerTable
  readonly #entries = new Map<string, Map<bigint, RecoveredEntry>>()
  readonly #segments: RecoveredSegment[] = []
  readonly #released: Set<number>
  readonly #free: number[] = []
  readonly #damaged: Damage[] = []

  constructor(producersMax: number, released: readonly number[]) {
    this.#released = new Set(released)
    this.#producers = new ProducerTable(producersMax)
  }

  /** The newest segment of which anything counts; 0 when there is none. */
  get newestOrdinal(): number {
    return this.#newestOrdinal
  }

  start(checkpoint: Checkpoint): void {
    this.#fileBytes = checkpoint.fileBytes
    this.#known = new Set(checkpoint.keys.map(({ key }) => key))
    for (const key of checkpoint.keys) this.#keys.set(key.key, key)
    for (const producer of checkpoint.producers) this.#producers.restore(producer)
  }

  /** The newest checkpoint and every frame after it, in order. */
  replayTail(tail: readonly ScannedSegment[], firstFrame: number): void {
    const heads = tail.flatMap((segment) => segment.frames.map((frame) => frame.head))
    const durable = heads.reduce((most, head) => Math.max(most, head.durableThrough), 0)
    this.#nextFrame = firstFrame
    this.#baseOrdinal = tail[0]?.life.ordinal ?? 0
    this.#checkLength(tail[0])
    let isTorn = false
    for (const segment of tail) {
      let at = 0
      for (const frame of isTorn ? [] : segment.frames) {
        isTorn = !this.#accept(segment, frame, { at, durable })
        if (isTorn) break
        at = frame.end
      }
      this.#use(segment, at)
      if (segment === tail.at(-1) || isTorn) this.#tornTailBytes += segment.traceEnd - at
    }
    if (this.#damaged.length === 0) return
    // Damage may hide entries: no sequence that any intact head knew of is given out again.
    for (const head of heads) {
      if (head.nextSequence > this.#nextSequence) this.#nextSequence = head.nextSequence
    }
  }

  /** One older segment that the checkpoint lists: between its start and its end all must be there. */
  addSealed(record: SegmentRecord, sealed: readonly ScannedSegment[]): void {
    if (this.#released.has(record.ordinal)) {
      this.#free.push(record.ordinal)
      return
    }
    const segment = sealed.find(({ life }) => life.ordinal === record.ordinal)
    if (!segment) {
      const reason = `segment ${record.ordinal} with frames ${record.firstFrame} to ${record.lastFrame} is missing`
      this.#damaged.push({ file: '', ordinal: record.ordinal, offset: 0, end: 0, reason })
      return
    }
    this.#segments.push({ ...record, file: segment.file })
    let at = 0
    for (const frame of segment.frames) {
      if (frame.offset >= record.end) break
      if (frame.offset > at) this.#damage(segment, at, frame.offset)
      if (!frame.isPayloadIntact) this.#damagePayload(segment, frame)
      // All of a key that the checkpoint does not know was trimmed before the key was forgotten.
      if (frame.head.kind === 'entry' && this.#known.has(frame.head.key)) this.#addEntry(frame)
      at = frame.end
    }
    if (at < record.end) this.#damage(segment, at, record.end)
  }

  /** Segments that were started and of which nothing is left. */
  noteLost(from: number, to: number, segmentBytes: number): void {
    const reason = `segments ${from} to ${to} or their checkpoints are gone, with all behind them`
    this.#damaged.push({ file: '', ordinal: from, offset: 0, end: 0, reason })
    this.#skipSequences((to - from + 1) * segmentBytes)
  }

  finish(ordered: readonly ScannedSegment[]): RecoveredLog {
    const entries = new Map<string, RecoveredEntry[]>()
    for (const [key, bySequence] of this.#entries) {
      const trimmedThrough = this.#keys.get(key)?.trimmedThrough ?? 0n
      const live = [...bySequence.values()].filter(({ sequence }) => sequence > trimmedThrough)
      if (live.length > 0)
        entries.set(
          key,
          live.sort((a, b) => (a.sequence < b.sequence ? -1 : 1)),
        )
    }
    return {
      nextFrame: this.#nextFrame,
      nextSequence: this.#nextSequence + this.#skipped,
      lastOrdinal: ordered.at(-1)?.life.ordinal ?? 0,
      baseOrdinal: this.#baseOrdinal,
      lastEpoch: ordered.reduce((most, { life }) => (life.epoch > most ? life.epoch : most), 0n),
      keys: this.#keys,
      producers: this.#producers,
      entries,
      segments: this.#segments.sort((a, b) => a.ordinal - b.ordinal),
      released: this.#free,
      damaged: this.#damaged,
      tornTailBytes: this.#tornTailBytes,
    }
  }

  /** False when the log ends before this frame. */
  #accept(
    segment: ScannedSegment,
    frame: ScannedFrame,
    { at, durable }: { at: number; durable: number },
  ): boolean {
    const { frameNumber } = frame.head
    if (frameNumber > this.#nextFrame) {
      if (this.#nextFrame > durable) return false
      this.#damage(segment, at, frame.offset)
      if (frameNumber > durable + 1) {
        this.#nextFrame = durable + 1
        return false
      }
    }
    if (!frame.isPayloadIntact) {
      if (frameNumber > durable) return false
      this.#damagePayload(segment, frame)
    }
    this.#nextFrame = frameNumber + 1
    this.#newestOrdinal = segment.life.ordinal
    this.#nextSequence = frame.head.nextSequence
    this.#apply(frame)
    return true
  }

  #apply(frame: ScannedFrame): void {
    const { head, control } = frame
    switch (head.kind) {
      case 'entry':
        this.#addEntry(frame)
        if (!head.isMoved) this.#noteAppended(frame)
        break
      case 'trim': {
        const key = this.#keys.get(head.key)
        const through = control ? decodeTrim(control) : 0n
        if (key && through > key.trimmedThrough) {
          this.#keys.set(head.key, { ...key, trimmedThrough: through })
        }
        break
      }
      case 'release':
        for (const ordinal of control ? decodeRelease(control) : []) this.#released.add(ordinal)
        break
      case 'checkpoint':
      case 'definition':
        break
    }
  }

  #noteAppended({ head }: ScannedFrame): void {
    const trimmedThrough = this.#keys.get(head.key)?.trimmedThrough ?? 0n
    this.#keys.set(head.key, { key: head.key, lastSequence: head.sequence, trimmedThrough })
    if (head.producer) this.#producers.record(head.key, head.producer, head.sequence)
  }

  #addEntry({ head, offset, headBytes, isPayloadIntact }: ScannedFrame): void {
    const { key, sequence, appendedAt, payloadBytes, frameNumber } = head
    const bySequence = this.#entries.get(key) ?? new Map<bigint, RecoveredEntry>()
    this.#entries.set(key, bySequence)
    const known = bySequence.get(sequence)
    // The newest copy counts, unless it is damaged and an older one is not.
    if (known && (known.frameNumber > frameNumber || (known.isIntact && !isPayloadIntact))) {
      if (known.isIntact || !isPayloadIntact) return
    }
    bySequence.set(sequence, {
      key,
      sequence,
      appendedAt,
      payloadBytes,
      ordinal: head.life.ordinal,
      offset,
      headBytes,
      frameNumber,
      isIntact: isPayloadIntact,
    })
  }

  #use({ file, life, frames }: ScannedSegment, end: number): void {
    const inside = frames.filter((frame) => frame.offset < end)
    const firstFrame = inside[0]?.head.frameNumber ?? this.#nextFrame
    const lastFrame = inside.at(-1)?.head.frameNumber ?? this.#nextFrame - 1
    this.#segments.push({ file, ordinal: life.ordinal, firstFrame, lastFrame, end })
  }

  #checkLength(segment: ScannedSegment | undefined): void {
    if (!segment || this.#fileBytes === undefined || segment.fileBytes >= this.#fileBytes) return
    const { file, fileBytes, life } = segment
    const reason = `the file has ${fileBytes} of its ${this.#fileBytes} bytes`
    const { ordinal } = life
    this.#damaged.push({ file, ordinal, offset: fileBytes, end: fileBytes, reason })
    this.#skipSequences(this.#fileBytes - fileBytes)
  }

  /** So many lost bytes held at most so many entries: none of their sequences is given out again. */
  #skipSequences(lostBytes: number): void {
    this.#skipped += BigInt(Math.ceil(lostBytes / FIXED_HEAD_BYTES))
  }

  #damage({ file, life }: ScannedSegment, offset: number, end: number): void {
    const reason = `${end - offset} bytes of acknowledged frames match no checksum`
    this.#damaged.push({ file, ordinal: life.ordinal, offset, end, reason })
  }

  #damagePayload({ file, life }: ScannedSegment, { head, offset, end }: ScannedFrame): void {
    const what = head.kind === 'entry' ? `entry ${head.sequence} of ${head.key}` : `a ${head.kind}`
    const reason = `the bytes of ${what} do not match their checksum`
    this.#damaged.push({ file, ordinal: life.ordinal, offset, end, reason })
  }
}
