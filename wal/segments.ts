/**
 * The segment files: which are in use, which are free, and where the next one comes from.
 *
 * Promises: never more than `logBytesMax` of them, always one segment's worth kept back so that a
 * trim can be written into a full log, and no file is reused or removed before it was released.
 * Does not know: what is written into them.
 */
import { join } from 'node:path'
import type { SegmentRecord } from './control.ts'
import { WalError } from './errors.ts'
import type { Files, SegmentFile } from './files.ts'
import type { SegmentUse } from './ledger.ts'
import type { WalLimits } from './types.ts'

/** Kept free at the end of each segment for releases and for the mark of a clean close. */
export const SEGMENT_RESERVE_BYTES = 4_096
/** So many releases fit one frame, and several such frames fit the reserve. */
const RELEASES_MAX = 64
const FILE_NAME = /^(\d{8})\.seg$/

export interface SlotFile {
  readonly path: string
  readonly file: SegmentFile
  readonly bytes: number
}

/** A file that holds a part of the log. */
export interface Segment extends SlotFile {
  readonly ordinal: number
  readonly firstFrame: number
  lastFrame: number
  end: number
}

/** Who asks for a segment: an opening gets one whatever the limits say. */
export type Purpose = 'entry' | 'control' | 'opening'

interface SegmentsOptions {
  readonly directory: string
  readonly limits: WalLimits
  readonly files: Files
  readonly use: (ordinal: number) => Readonly<SegmentUse>
}

export class Segments {
  readonly #options: SegmentsOptions
  readonly #used = new Map<number, Segment>()
  #free: SlotFile[] = []
  #nextName = 1
  #current: Segment | undefined
  #making: Promise<void> | undefined

  constructor(options: SegmentsOptions) {
    this.#options = options
  }

  get current(): Segment | undefined {
    return this.#current
  }

  get standardBytes(): number {
    return this.#options.limits.segmentBytes
  }

  get count(): number {
    return this.#used.size + this.#free.length
  }

  get freeCount(): number {
    return this.#free.length + this.#idle().length
  }

  get bytes(): number {
    return [...this.#used.values(), ...this.#free].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  find(ordinal: number): Segment | undefined {
    return this.#used.get(ordinal)
  }

  /** The files that recovery found: those in use with what is known of them, and free ones. */
  adopt(slot: SlotFile, record: SegmentRecord | undefined): void {
    const name = FILE_NAME.exec(slot.path.slice(slot.path.lastIndexOf('/') + 1))
    this.#nextName = Math.max(this.#nextName, Number(name?.[1] ?? 0) + 1)
    if (!record) {
      this.#free.push(slot)
      return
    }
    const { ordinal, firstFrame, lastFrame, end } = record
    this.#used.set(ordinal, { ...slot, ordinal, firstFrame, lastFrame, end })
  }

  /** What a checkpoint lists: every segment with live entries. */
  records(): SegmentRecord[] {
    return [...this.#used.values()]
      .filter(({ ordinal }) => this.#options.use(ordinal).entries > 0)
      .map(({ ordinal, firstFrame, lastFrame, end }) => ({ ordinal, firstFrame, lastFrame, end }))
  }

  /** Sealed segments without live entries: what may be released next. */
  releasable(): number[] {
    return this.#idle()
      .slice(0, RELEASES_MAX)
      .map(({ ordinal }) => ordinal)
  }

  /** To be called once their release, or a checkpoint that does not list them, is on disk. */
  async release(ordinals: readonly number[]): Promise<void> {
    for (const ordinal of ordinals) {
      const segment = this.#used.get(ordinal)
      if (!segment) continue
      this.#used.delete(ordinal)
      const { path, file, bytes } = segment
      // In front of a new file: its pages are likely still in memory.
      this.#free.unshift({ path, file, bytes })
    }
    await this.removeOdd()
  }

  /** Free files of another size than the standard one are of no use again. */
  async removeOdd(): Promise<void> {
    const odd = this.#free.filter(({ bytes }) => bytes !== this.#options.limits.segmentBytes)
    this.#free = this.#free.filter((slot) => !odd.includes(slot))
    for (const { file, path } of odd) {
      await file.close()
      await this.#options.files.remove(path)
    }
  }

  /**
   * A file for the next segment. Entries leave one standard segment for control frames; control
   * frames may take the last one.
   *
   * @throws WalError `full`, and nothing has changed.
   */
  async take(bytes: number, purpose: Purpose): Promise<SlotFile> {
    await this.#making
    const { segmentBytes } = this.#options.limits
    const isFound = bytes === segmentBytes && this.#free.length > 0
    if (purpose !== 'opening') await this.#admit(isFound ? 0 : bytes, isFound ? 1 : 0, purpose)
    return (isFound ? this.#free.shift() : undefined) ?? this.#create(bytes)
  }

  async #admit(made: number, taken: number, purpose: Purpose): Promise<void> {
    const { segmentBytes, logBytesMax, diskReserveBytes } = this.#options.limits
    const kept = purpose === 'control' || this.#free.length > taken ? 0 : segmentBytes
    if (this.bytes + made + kept > logBytesMax) {
      const advice = 'wait until entries are trimmed, or raise logBytesMax'
      throw new WalError('full', `the log has reached ${logBytesMax} bytes; ${advice}`)
    }
    if (purpose === 'entry' && (await this.#freeDiskBytes()) - made < diskReserveBytes) {
      const advice = 'free some space, or lower diskReserveBytes'
      throw new WalError('full', `fewer than ${diskReserveBytes} bytes are free; ${advice}`)
    }
  }

  start(slot: SlotFile, ordinal: number, firstFrame: number): Segment {
    const segment = { ...slot, ordinal, firstFrame, lastFrame: firstFrame - 1, end: 0 }
    this.#used.set(ordinal, segment)
    this.#current = segment
    return segment
  }

  /** Makes one free segment ahead, in the background, if there is none and the limits allow it. */
  prepareSpare(): void {
    const { segmentBytes, logBytesMax, diskReserveBytes } = this.#options.limits
    if (this.#making || this.freeCount > 0 || this.bytes + segmentBytes > logBytesMax) return
    const make = async () => {
      if ((await this.#freeDiskBytes()) - segmentBytes < diskReserveBytes) return
      const slot = await this.#create(segmentBytes)
      this.#free.push(slot)
    }
    // A spare is a convenience: whoever needs the segment makes it, and hears why it cannot.
    this.#making = make().then(
      () => this.#made(),
      () => this.#made(),
    )
  }

  /** The sealed segment with the fewest live bytes, when at most half of it is live. */
  sparsest(isAllowed: (ordinal: number) => boolean): Segment | undefined {
    let best: { segment: Segment; bytes: number } | undefined
    for (const segment of this.#used.values()) {
      const { entries, bytes } = this.#options.use(segment.ordinal)
      if (segment === this.#current || entries === 0 || bytes * 2 > segment.bytes) continue
      if (isAllowed(segment.ordinal) && (!best || bytes < best.bytes)) best = { segment, bytes }
    }
    return best?.segment
  }

  async close(): Promise<void> {
    await this.#making
    for (const { file } of [...this.#used.values(), ...this.#free]) await file.close()
  }

  #idle(): Segment[] {
    return [...this.#used.values()].filter(
      (segment) => segment !== this.#current && this.#options.use(segment.ordinal).entries === 0,
    )
  }

  async #create(bytes: number): Promise<SlotFile> {
    const { directory, files } = this.#options
    const path = join(directory, `${String(this.#nextName++).padStart(8, '0')}.seg`)
    try {
      return { path, file: await files.createSegment(path, bytes), bytes }
    } catch (error) {
      throw new WalError('full', `cannot make the segment ${path} of ${bytes} bytes`, {
        cause: error,
      })
    }
  }

  async #freeDiskBytes(): Promise<number> {
    return this.#options.files.freeBytes(this.#options.directory)
  }

  #made(): void {
    this.#making = undefined
  }
}

export function isSegmentName(name: string): boolean {
  return FILE_NAME.test(name)
}
