/**
 * Group commit: many appends, one fsync.
 *
 * Promises: a request resolves only once its frames are on disk, and requests reach the disk in the
 * order of the calls, so a crash can lose a suffix and never leaves a hole (W1, W2). What arrives
 * during one fsync is the next group; nothing waits for a timer. After a failed write or fsync
 * everything that waits, and everything after it, is refused.
 * Does not know: where segments come from, or what a payload means.
 */
import { WalError } from './errors.ts'
import type { IndexStore } from './index-store.ts'
import type { Ledger } from './ledger.ts'
import { type ProducerTable, stateName } from './producers.ts'
import type { Appended, WalLimits } from './types.ts'
import type { EntryToWrite, FrameToWrite, Placed, SegmentWriter } from './writer.ts'

interface Waiting {
  readonly frame: FrameToWrite
  readonly bytes: number
  readonly promise: Promise<bigint>
  readonly resolve: (sequence: bigint) => void
  readonly reject: (error: WalError) => void
}

interface GroupCommitOptions {
  readonly limits: WalLimits
  readonly writer: SegmentWriter
  readonly ledger: Ledger
  readonly producers: ProducerTable
  readonly index: IndexStore
  readonly durableSequence: bigint
  /** The log needs room: something may be moved to make some. */
  readonly onCrowded: () => void
  readonly onPoison: (error: Error) => void
}

type Producer = NonNullable<EntryToWrite['producer']>

export class GroupCommit {
  readonly #options: GroupCommitOptions
  #waiting: Waiting[] = []
  #waitingBytes = 0
  /** Per key and producer: what is on its way, in order. */
  readonly #pending = new Map<string, Waiting[]>()
  #running: Promise<void> | undefined
  #poison: Error | undefined
  #durableSequence: bigint

  constructor(options: GroupCommitOptions) {
    this.#options = options
    this.#durableSequence = options.durableSequence
  }

  get durableSequence(): bigint {
    return this.#durableSequence
  }

  get isPoisoned(): boolean {
    return this.#poison !== undefined
  }

  /** @throws WalError (by rejecting) as {@link Wal.append} says. */
  append(frame: EntryToWrite, bytes: number): Promise<Appended> {
    const known = frame.producer ? this.#recognise(frame.key, frame.producer) : undefined
    if (known) return known
    this.#refuseIfOver(frame.key, bytes)
    const waiting = this.#enqueue(frame, bytes)
    if (frame.producer) {
      const name = stateName(frame.key, frame.producer.id)
      const pending = this.#pending.get(name) ?? []
      this.#pending.set(name, pending)
      pending.push(waiting)
    }
    return waiting.promise.then((sequence) => ({ sequence, isDuplicate: false }))
  }

  /** A trim, or an entry that is moved: allowed into a full log. */
  control(frame: FrameToWrite, bytes: number): Promise<bigint> {
    return this.#enqueue(frame, bytes).promise
  }

  poison(error: Error): void {
    if (this.#poison) return
    this.#poison = error
    this.#rejectWaiting(() => true, this.#poisonError())
    this.#options.onPoison(error)
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    while (this.#running) await this.#running
  }

  /** @throws WalError `io` when the log is poisoned. */
  assertUsable(): void {
    if (this.#poison) throw this.#poisonError()
  }

  #recognise(key: string, producer: Producer): Promise<Appended> | undefined {
    const pending = this.#pending.get(stateName(key, producer.id)) ?? []
    const newest = producerOf(pending.at(-1))?.sequence
    const expected = (newest ?? this.#options.producers.last(key, producer.id)) + 1n
    if (producer.sequence === expected) return undefined
    if (producer.sequence > expected) {
      const name = JSON.stringify(producer.id)
      const message = `producer ${name} sent ${producer.sequence}; send ${expected} next`
      throw new WalError('out-of-sequence', message, { expected })
    }
    const first = pending.find((waiting) => producerOf(waiting)?.sequence === producer.sequence)
    if (first) return first.promise.then((sequence) => ({ sequence, isDuplicate: true }))
    const sequence = this.#options.producers.sequenceOf(key, producer)
    return Promise.resolve({ sequence, isDuplicate: true })
  }

  #refuseIfOver(key: string, bytes: number): void {
    const { waitingBytesMax, keysMax } = this.#options.limits
    if (!this.#options.ledger.hasRoomFor(key)) {
      const advice = 'wait until some are trimmed, or raise keysMax'
      throw new WalError('full', `${keysMax} keys have entries that wait; ${advice}`)
    }
    // One that is larger than the limit alone may still pass when nothing else waits.
    if (this.#waitingBytes === 0 || this.#waitingBytes + bytes <= waitingBytesMax) return
    throw new WalError('full', `${waitingBytesMax} bytes wait for the disk; retry later`)
  }

  #enqueue(frame: FrameToWrite, bytes: number): Waiting {
    this.assertUsable()
    const { promise, resolve, reject } = Promise.withResolvers<bigint>()
    const waiting = { frame, bytes, promise, resolve, reject }
    this.#waiting.push(waiting)
    this.#waitingBytes += bytes
    this.#running ??= this.#run()
    return waiting
  }

  async #run(): Promise<void> {
    // What is called in the same turn shares the first group.
    await Promise.resolve()
    try {
      while (this.#waiting.length > 0 && !this.#poison) {
        await this.#options.index.room()
        const group = this.#takeGroup()
        if (group.length > 0) await this.#write(group)
        else await this.#roll()
      }
    } catch (error) {
      this.poison(error instanceof Error ? error : new Error(String(error)))
    } finally {
      this.#running = undefined
    }
  }

  #takeGroup(): { waiting: Waiting; placed: Placed }[] {
    const { limits, writer } = this.#options
    const group: { waiting: Waiting; placed: Placed }[] = []
    let bytes = 0
    for (const waiting of this.#waiting) {
      if (group.length >= limits.groupEntriesMax) break
      if (group.length > 0 && bytes + waiting.bytes > limits.groupBytesMax) break
      const placed = writer.place(waiting.frame)
      if (!placed) break
      bytes += waiting.bytes
      group.push({ waiting, placed })
    }
    this.#waiting.splice(0, group.length)
    return group
  }

  async #write(group: readonly { waiting: Waiting; placed: Placed }[]): Promise<void> {
    try {
      await this.#options.writer.commit()
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error))
      this.poison(failure)
      for (const { waiting } of group) this.#fail(waiting, this.#poisonError())
      return
    }
    for (const { waiting, placed } of group) {
      this.#apply(waiting.frame, placed)
      this.#settle(waiting)
      waiting.resolve(placed.sequence)
    }
  }

  /** The first that waits did not fit: it gets a segment, or all that would need one is refused. */
  async #roll(): Promise<void> {
    const first = this.#waiting[0]
    if (!first) return
    const isNew = isNewEntry(first.frame)
    try {
      await this.#options.writer.roll(first.frame, isNew ? 'entry' : 'control')
    } catch (error) {
      if (!(error instanceof WalError) || error.kind !== 'full') throw error
      // All of them, so that no producer's later number passes an earlier one.
      this.#rejectWaiting(
        (waiting) => (isNew ? isNewEntry(waiting.frame) : waiting === first),
        error,
      )
    }
    if (isNew) this.#options.onCrowded()
  }

  #apply(frame: FrameToWrite, placed: Placed): void {
    const { ledger, index, producers } = this.#options
    if (frame.kind === 'trim') {
      const from = ledger.trimmedThrough(frame.key) + 1n
      ledger.trim(frame.key, frame.through)
      index.forget(frame.key, from, frame.through)
      return
    }
    const { key, sequence: moved, appendedAt, payloadBytes, producer } = frame
    const { ordinal, offset, headBytes, sequence } = placed
    const at = { ordinal, offset, headBytes, payloadBytes }
    if (moved !== undefined) {
      if (ledger.move(key, moved, ordinal)) index.put(key, moved, at)
      return
    }
    this.#durableSequence = sequence
    ledger.add(key, { sequence, appendedAt, bytes: payloadBytes, ordinal })
    if (producer) producers.record(key, producer, sequence)
    index.put(key, sequence, at)
  }

  #rejectWaiting(isRejected: (waiting: Waiting) => boolean, error: WalError): void {
    const rejected = this.#waiting.filter((waiting) => isRejected(waiting))
    this.#waiting = this.#waiting.filter((waiting) => !isRejected(waiting))
    for (const waiting of rejected) this.#fail(waiting, error)
  }

  #fail(waiting: Waiting, error: WalError): void {
    this.#settle(waiting)
    waiting.reject(error)
  }

  #settle(waiting: Waiting): void {
    this.#waitingBytes -= waiting.bytes
    const producer = producerOf(waiting)
    if (!producer) return
    const name = stateName(waiting.frame.key, producer.id)
    const pending = this.#pending.get(name)?.filter((other) => other !== waiting) ?? []
    if (pending.length > 0) this.#pending.set(name, pending)
    else this.#pending.delete(name)
  }

  #poisonError(): WalError {
    return new WalError('io', 'a write failed; end the process and open the log again', {
      cause: this.#poison,
    })
  }
}

function isNewEntry(frame: FrameToWrite): boolean {
  return frame.kind === 'entry' && frame.sequence === undefined
}

function producerOf(waiting: Waiting | undefined): Producer | undefined {
  return waiting?.frame.kind === 'entry' ? waiting.frame.producer : undefined
}
