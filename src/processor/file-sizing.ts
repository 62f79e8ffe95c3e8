/**
 * What a table's files have shown of how much smaller its entries get. Bounded; pure but for what
 * it remembers. A table's data changes slowly, so the last commit says most about the next.
 */

/** Weight of the newest commit, from 0 to 1. */
const NEWEST_WEIGHT = 0.5
/** Entries of fewer bytes are too few to tell: a footer alone has thousands. */
const LEARNING_BYTES_MIN = 64 * 1024

export interface EncodedGroup {
  readonly payloadBytes: number
  readonly fileBytes: number
  /** As the encoder says it. */
  readonly encodedRatio: number | undefined
}

export class FileSizing {
  #encodedRatio: number | undefined
  #payloadRatio: number | undefined

  /** For the encoder's next job: encoded bytes per byte of columns. */
  get encodedRatio(): number | undefined {
    return this.#encodedRatio
  }

  observe({ payloadBytes, fileBytes, encodedRatio }: EncodedGroup): void {
    this.#encodedRatio = encodedRatio ?? this.#encodedRatio
    if (payloadBytes < LEARNING_BYTES_MIN || fileBytes === 0) return
    const newest = fileBytes / payloadBytes
    const known = this.#payloadRatio ?? newest
    this.#payloadRatio = known + (newest - known) * NEWEST_WEIGHT
  }

  /** Bytes of entries that make about one file of this size; undefined as long as none is known. */
  payloadBytesFor(fileBytes: number): number | undefined {
    return this.#payloadRatio === undefined ? undefined : fileBytes / this.#payloadRatio
  }
}
