/**
 * Acknowledgements of one DoPut: cumulative, in order, and never in the way of reading.
 *
 * Each PutResult covers every batch before it, so one that the client was too slow to read is
 * simply left out: at most one is on its way, and what became durable meanwhile joins the next.
 * The final one is always written.
 */
import type { BatchAck } from '../../ingest/ingest.ts'
import { stringifyJson } from '../../json.ts'
import type { PutResult } from './contract.ts'

/** Writes one result; `flushed` is called when the client's flow control has taken it. */
export type PutResultSink = (result: PutResult, flushed: () => void) => void

export class Acks {
  readonly #sink: PutResultSink
  #last: BatchAck | undefined
  #batches = 0
  #rows = 0
  #duplicates = 0
  #isDue = false
  #isScheduled = false
  #isOnItsWay = false
  #isFinished = false

  constructor(sink: PutResultSink) {
    this.#sink = sink
  }

  /** The batch that became durable last, if any did. */
  get last(): BatchAck | undefined {
    return this.#last
  }

  /** Called for each batch in order, once it is durable. */
  add(ack: BatchAck): void {
    this.#last = ack
    this.#batches += 1
    this.#rows += ack.rows
    if (ack.isDuplicate) this.#duplicates += 1
    this.#isDue = true
    if (this.#isScheduled) return
    this.#isScheduled = true
    // Batches of one group commit settle one after the other in the same turn: one result for all.
    setImmediate(() => {
      this.#isScheduled = false
      this.#sendIfDue()
    })
  }

  /** Writes the total, whether or not it is news; nothing is written after it. */
  finish(snapshotId?: bigint): void {
    if (this.#isFinished) return
    this.#isFinished = true
    this.#sink(this.#result(snapshotId), () => {})
  }

  /** Before an error: says what is durable, if the client does not know yet. */
  finishIfDue(): void {
    if (this.#isDue) this.finish()
    this.#isFinished = true
  }

  #sendIfDue(): void {
    if (!this.#isDue || this.#isOnItsWay || this.#isFinished) return
    this.#isDue = false
    this.#isOnItsWay = true
    this.#sink(this.#result(), () => {
      this.#isOnItsWay = false
      this.#sendIfDue()
    })
  }

  #result(snapshotId?: bigint): PutResult {
    const text = stringifyJson({
      log_id: this.#last?.logId,
      sequence: this.#last?.sequence,
      batches: this.#batches,
      rows: this.#rows,
      duplicates: this.#duplicates > 0 ? this.#duplicates : undefined,
      snapshot_id: snapshotId,
    })
    return { app_metadata: Buffer.from(text, 'utf8') }
  }
}
