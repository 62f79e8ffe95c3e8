/**
 * Frames into the current segment, and the step from one segment to the next.
 *
 * Promises: what `commit` returned for is on disk, in one write and one fdatasync; each segment
 * begins with a checkpoint that is on disk before anything else is written into it; a definition
 * stands once in a segment, before the first entry that names it.
 * Does not know: who waits. Not reentrant: one caller, one call at a time.
 */
import { type Checkpoint, encodeCheckpoint, encodeRelease, encodeTrim } from './control.ts'
import {
  alignedLength,
  chainedCrc,
  type DefinitionReference,
  encodeHead,
  type FrameHead,
  type FrameKind,
  frameLength,
  headLength,
  type SegmentLife,
} from './frame.ts'
import { type Purpose, SEGMENT_RESERVE_BYTES, type Segments, type SlotFile } from './segments.ts'
import type { Definition } from './types.ts'

export interface EntryToWrite {
  readonly kind: 'entry'
  readonly key: string
  readonly payload: readonly Uint8Array[]
  readonly payloadBytes: number
  readonly payloadCrc: number
  readonly definitions: readonly Definition[]
  readonly producer: FrameHead['producer']
  readonly appendedAt: number
  /** Of an entry that is moved: the one it has. */
  readonly sequence: bigint | undefined
}

export interface TrimToWrite {
  readonly kind: 'trim'
  readonly key: string
  readonly through: bigint
}

export type FrameToWrite = EntryToWrite | TrimToWrite

/** Where a frame went. */
export interface Placed {
  readonly sequence: bigint
  readonly ordinal: number
  readonly offset: number
  readonly headBytes: number
}

interface WriterOptions {
  readonly segments: Segments
  readonly epoch: bigint
  readonly nonce: bigint
  readonly nextFrame: number
  readonly nextSequence: bigint
  readonly lastOrdinal: number
  /** Writes down that a segment was started. Not in the way of any append. */
  readonly onStarted: (ordinal: number) => Promise<void>
  /** What the next checkpoint carries forward, as of now. */
  readonly state: () => Pick<Checkpoint, 'keys' | 'producers'>
}

const PAGE_BYTES = 4_096
const NOT_DEFINED: ReadonlyMap<string, number> = new Map()
const NO_FIELDS = {
  isMoved: false,
  sequence: 0n,
  appendedAt: 0,
  key: '',
  producer: undefined,
  definitions: [],
} as const

export class SegmentWriter {
  readonly #segments: Segments
  readonly #options: WriterOptions
  #ordinal: number
  #nextFrame: number
  #nextSequence: bigint
  #durableThrough: number
  /** Definitions of the current segment, on disk or in the group being built. */
  #definitions = new Map<string, number>()
  #parts: Uint8Array[] = []
  #groupBytes = 0
  #notes: Promise<void> = Promise.resolve()

  constructor(options: WriterOptions) {
    this.#options = options
    this.#segments = options.segments
    this.#ordinal = options.lastOrdinal
    this.#nextFrame = options.nextFrame
    this.#nextSequence = options.nextSequence
    this.#durableThrough = options.nextFrame - 1
  }

  get nextSequence(): bigint {
    return this.#nextSequence
  }

  /** Adds a frame to the group, or undefined when the rest of the segment is too small for it. */
  place(frame: FrameToWrite): Placed | undefined {
    const segment = this.#segments.current
    if (!segment) return undefined
    const room = segment.bytes - SEGMENT_RESERVE_BYTES - segment.end - this.#groupBytes
    if (this.#lengthOf(frame, this.#definitions) > room) return undefined
    return frame.kind === 'entry' ? this.#placeEntry(frame) : this.#placeTrim(frame)
  }

  /** Resolves when the group is on disk. After a failure the state of the disk is unknown. */
  async commit(): Promise<void> {
    const segment = this.#segments.current
    if (!segment || this.#parts.length === 0) return
    const parts = this.#parts
    const lastFrame = this.#nextFrame - 1
    await segment.file.write(parts, segment.end)
    await segment.file.sync()
    segment.end += this.#groupBytes
    segment.lastFrame = lastFrame
    this.#durableThrough = lastFrame
    this.#parts = []
    this.#groupBytes = 0
  }

  /**
   * Starts the next segment, with room for this frame. Only between groups.
   *
   * @throws WalError `full`, and the log is as before; anything else means a failed write.
   */
  async roll(frame: FrameToWrite | undefined, purpose: Purpose): Promise<void> {
    await this.#releaseIdle()
    const listed = this.#segments.records()
    const payload = encodeCheckpoint({ fileBytes: 0, segments: listed, ...this.#options.state() })
    const checkpointBytes = frameLength(headLength(NO_FIELDS, 0), payload.length)
    const frameBytes = frame ? this.#lengthOf(frame, NOT_DEFINED) : 0
    const needed = checkpointBytes + frameBytes + SEGMENT_RESERVE_BYTES
    const slot = await this.#segments.take(this.#fileBytesFor(needed), purpose)
    payload.writeBigUInt64LE(BigInt(slot.bytes), 0)
    await this.#start(slot, payload)
    this.#segments.prepareSpare()
  }

  /** A last frame that says that all before it is on disk, so that damage to it is recognised. */
  async seal(): Promise<void> {
    if (!this.#segments.current) return
    this.#placeRelease([])
    await this.commit()
  }

  /** Resolves when no note is being written any more. */
  async idle(): Promise<void> {
    await this.#notes
  }

  async #start(slot: SlotFile, payload: Buffer): Promise<void> {
    this.#ordinal++
    this.#definitions = new Map()
    const segment = this.#segments.start(slot, this.#ordinal, this.#nextFrame)
    this.#push({ kind: 'checkpoint', ...NO_FIELDS }, [payload])
    await this.commit()
    // A note that fails, for want of room perhaps, only makes a later loss harder to notice.
    const note = () => this.#options.onStarted(segment.ordinal).catch(() => undefined)
    this.#notes = this.#notes.then(note)
  }

  async #releaseIdle(): Promise<void> {
    const segment = this.#segments.current
    const ordinals = this.#segments.releasable()
    if (!segment || ordinals.length === 0) return
    const needed = frameLength(headLength(NO_FIELDS, 0), encodeRelease(ordinals).length)
    // What is left is for the mark of a clean close.
    if (segment.end + needed * 2 > segment.bytes) return
    this.#placeRelease(ordinals)
    await this.commit()
    await this.#segments.release(ordinals)
  }

  #fileBytesFor(needed: number): number {
    const standard = this.#segments.standardBytes
    return needed <= standard ? standard : Math.ceil(needed / PAGE_BYTES) * PAGE_BYTES
  }

  #lengthOf(frame: FrameToWrite, defined: ReadonlyMap<string, number>): number {
    if (frame.kind === 'trim')
      return frameLength(headLength({ ...NO_FIELDS, key: frame.key }, 0), 8)
    const own = frameLength(headLength(frame, frame.definitions.length), frame.payloadBytes)
    return frame.definitions
      .filter(({ id }) => !defined.has(id))
      .reduce(
        (sum, { parts }) => sum + frameLength(headLength(NO_FIELDS, 1), totalLength(parts)),
        own,
      )
  }

  #placeEntry(entry: EntryToWrite): Placed {
    const definitions = entry.definitions.map((definition) => this.#define(definition))
    const sequence = entry.sequence ?? this.#nextSequence
    if (entry.sequence === undefined) this.#nextSequence++
    const { key, producer, appendedAt, payload, payloadCrc } = entry
    const isMoved = entry.sequence !== undefined
    const fields = { isMoved, sequence, appendedAt, key, producer, definitions }
    return this.#push({ kind: 'entry', ...fields }, payload, payloadCrc)
  }

  #placeTrim({ key, through }: TrimToWrite): Placed {
    return this.#push({ kind: 'trim', ...NO_FIELDS, key }, [encodeTrim(through)])
  }

  #placeRelease(ordinals: readonly number[]): void {
    this.#push({ kind: 'release', ...NO_FIELDS }, [encodeRelease(ordinals)])
  }

  #define({ id, parts }: Definition): DefinitionReference {
    const known = this.#definitions.get(id)
    if (known !== undefined) return { id, offset: known }
    const offset = (this.#segments.current?.end ?? 0) + this.#groupBytes
    this.#push({ kind: 'definition', ...NO_FIELDS, definitions: [{ id, offset }] }, parts)
    this.#definitions.set(id, offset)
    return { id, offset }
  }

  #push(
    fields: Pick<FrameHead, keyof typeof NO_FIELDS> & { readonly kind: FrameKind },
    payload: readonly Uint8Array[],
    payloadCrc = chainedCrc(payload),
  ): Placed {
    const offset = (this.#segments.current?.end ?? 0) + this.#groupBytes
    const { epoch, nonce } = this.#options
    const life: SegmentLife = { ordinal: this.#ordinal, epoch, nonce }
    const payloadBytes = totalLength(payload)
    const head = encodeHead({
      ...fields,
      life,
      frameNumber: this.#nextFrame++,
      durableThrough: this.#durableThrough,
      nextSequence: this.#nextSequence,
      payloadBytes,
      payloadCrc,
    })
    const padding = alignedLength(payloadBytes) - payloadBytes
    this.#parts.push(head, ...payload)
    if (padding > 0) this.#parts.push(PADDING.subarray(0, padding))
    this.#groupBytes += head.length + payloadBytes + padding
    return { sequence: fields.sequence, ordinal: this.#ordinal, offset, headBytes: head.length }
  }
}

const PADDING = new Uint8Array(8)

export function totalLength(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0)
}
