/**
 * What was written and is not yet acknowledged, in order, across connections.
 *
 * Promises: a batch stays here, with its number, until the server has it; a new call starts with
 * the first that stayed. Pure bookkeeping: no connection, no time.
 */
import { ServiceError } from '../errors.ts'
import type { EncodedBatch } from './frames.ts'
import type { AckLevel, PutResult } from './options.ts'
import type { Ack } from './put-call.ts'

export interface PendingBatch {
  readonly encoded: EncodedBatch
  /** The producer's number. */
  readonly sequence: bigint
}

export class Delivery {
  readonly #level: AckLevel
  #pending: PendingBatch[] = []
  #pendingBytes = 0
  #nextSequence: bigint
  /** Of the call at hand: sent, acknowledged, and let go of, all counted from its beginning. */
  #sent = 0
  #acknowledged = 0
  #released = 0
  #duplicatesOfCall = 0

  #rows = 0
  #batches = 0
  #bytes = 0
  #duplicates = 0
  #last: Pick<PutResult, 'logId' | 'sequence' | 'snapshotId'> = {
    logId: undefined,
    sequence: undefined,
    snapshotId: undefined,
  }

  constructor(level: AckLevel, firstSequence: bigint) {
    this.#level = level
    this.#nextSequence = firstSequence
  }

  add(encoded: EncodedBatch): void {
    this.#pending.push({ encoded, sequence: this.#nextSequence })
    this.#nextSequence += 1n
    this.#pendingBytes += encoded.bytes
  }

  /** Always for the first, and for one beside the one that a commit is awaited for. */
  hasRoom(bytesMax: number, batchesMax: number): boolean {
    const { length } = this.#pending
    return length <= 1 || (length < batchesMax && this.#pendingBytes < bytesMax)
  }

  get isEmpty(): boolean {
    return this.#pending.length === 0
  }

  /** The first batch that the call at hand has not sent. */
  get unsent(): PendingBatch | undefined {
    return this.#pending[this.#sent - this.#released]
  }

  get first(): PendingBatch | undefined {
    return this.#pending[0]
  }

  /** The number of the first batch that is not acknowledged: where a later run may go on. */
  get firstUnacknowledged(): bigint {
    return this.#pending[this.#acknowledged - this.#released]?.sequence ?? this.#nextSequence
  }

  beginCall(): void {
    this.#sent = 0
    this.#acknowledged = 0
    this.#released = 0
    this.#duplicatesOfCall = 0
  }

  markSent(): void {
    this.#sent += 1
  }

  /** True when it was news. @throws ServiceError `internal` for an ack of what was never sent. */
  acknowledge(ack: Ack): boolean {
    if (ack.batches < this.#acknowledged || ack.batches > this.#sent) {
      const message = `the server acknowledges ${ack.batches} batches of ${this.#sent} sent`
      throw new ServiceError('internal', message)
    }
    const isNews = ack.batches > this.#acknowledged
    this.#acknowledged = ack.batches
    this.#duplicates += Math.max(0, ack.duplicates - this.#duplicatesOfCall)
    this.#duplicatesOfCall = ack.duplicates
    this.#last = {
      logId: ack.logId ?? this.#last.logId,
      sequence: ack.sequence ?? this.#last.sequence,
      snapshotId: ack.snapshotId ?? this.#last.snapshotId,
    }
    // The last one is kept until the commit: sending it again is how a new call asks for it.
    this.#release(this.#level === 'committed' ? ack.batches - 1 : ack.batches)
    return isNews
  }

  /** The call ended well; false when it left batches out, which are then sent again. */
  endCall(): boolean {
    const isComplete = this.#acknowledged === this.#sent
    if (isComplete) this.#release(this.#sent)
    return isComplete
  }

  get progress() {
    return { rows: this.#rows, batches: this.#batches, bytes: this.#bytes }
  }

  get result(): PutResult {
    const { logId, sequence, snapshotId } = this.#last
    return {
      rows: this.#rows,
      batches: this.#batches,
      logId,
      sequence,
      duplicates: this.#duplicates,
      snapshotId,
    }
  }

  #release(through: number): void {
    const count = through - this.#released
    if (count <= 0) return
    for (const { encoded } of this.#pending.splice(0, count)) {
      this.#rows += encoded.rows
      this.#batches += 1
      this.#bytes += encoded.bytes
      this.#pendingBytes -= encoded.bytes
    }
    this.#released += count
  }
}
