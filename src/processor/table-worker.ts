/**
 * One stream of the log on its way into one table: what is known of it, and its next step.
 *
 * Promises: steps are serial; the log is trimmed only through what a fresh load of the table has
 * shown; a failure is this table's alone, is tried again with a bounded pause, and loses nothing.
 * Does not know: when there is room for a step (the processor does), or of any other table.
 */
import type { KeyState } from '#wal'
import type { LoadedTable } from '../catalog/catalog.ts'
import type { EntryKey } from '../entry.ts'
import { ServiceError, toServiceError } from '../errors.ts'
import type { Damage } from './commit-group.ts'
import { type Instant, instantOf, type WaitingEntries, waitingMs } from './commit-policy.ts'
import { GroupSize } from './group-size.ts'
import { inspectTable, type StopCause } from './inspect.ts'
import { randomFraction, type TableContext } from './parts.ts'
import { type PreparedGroup, prepareGroup } from './prepare.ts'
import { paceAfter, paceOf, type RetryPace, retryDelayMs } from './retry-pace.ts'
import type { Candidate } from './schedule.ts'
import { SeenTable } from './seen-table.ts'
import {
  emptyTally,
  quarantinedError,
  stoppedError,
  type TableState,
  type TableStatus,
} from './status.ts'
import { type Attempt, attemptCommit } from './table-commit.ts'
import { Waiters } from './waiters.ts'
import { snapshotFinder } from './watermark.ts'

/** `early`: the table's own settings are known now, and by them it is too soon. */
type Step = Attempt | { readonly kind: 'empty' | 'early' }

export class TableWorker {
  readonly #context: TableContext
  readonly #waiters = new Waiters()
  readonly #tally = emptyTally()
  readonly #size = new GroupSize()
  /** As last loaded. */
  readonly #table: SeenTable
  #state: TableState = { kind: 'idle' }
  /** The table's when it was last loaded: entries up to it are in the table. */
  #watermark = 0n
  /** Written, and not yet shown by a load: kept over retries. */
  #group: PreparedGroup | undefined
  /** Steps in a row that did not settle anything. */
  #failures = 0
  #isFailing = false
  /** On the monotonic clock. */
  #retryAt: number | undefined
  #flushThrough: bigint | undefined
  /** The oldest waiting entry, and when it was first seen waiting, on the monotonic clock. */
  #oldest: { readonly sequence: bigint | undefined; readonly since: number } | undefined

  constructor(context: TableContext) {
    this.#context = context
    this.#table = new SeenTable(context)
  }

  get entryKey(): EntryKey {
    return this.#context.entryKey
  }

  /** While the table is stopped. */
  get refusal(): ServiceError | undefined {
    if (this.#state.kind !== 'stopped') return undefined
    return stoppedError(this.#context.key, this.#state.cause, this.#state.reason)
  }

  get isFailing(): boolean {
    return this.#isFailing
  }

  get isIdle(): boolean {
    return this.#state.kind === 'idle' && this.#waiters.size === 0
  }

  /** Undefined when there is nothing to do now. */
  candidate(live: KeyState, now: Instant): Candidate | undefined {
    if (this.#oldest === undefined || this.#oldest.sequence !== live.firstSequence) {
      this.#oldest = { sequence: live.firstSequence, since: now.monotonicMs }
    }
    if (this.#state.kind === 'committing' || this.#state.kind === 'stopped') return undefined
    const { key } = live
    const isFailing = this.#isFailing
    if (this.#retryAt !== undefined) {
      return now.monotonicMs < this.#retryAt ? undefined : { key, dueAt: this.#retryAt, isFailing }
    }
    const waiting = this.#waiting(live, now)
    if (live.entries === 0 || this.#table.isEarly(waiting, now)) return undefined
    return { key, dueAt: now.monotonicMs - waitingMs(waiting, now), isFailing }
  }

  /** One group at most, one attempt at most. Never rejects: what failed is in the status. */
  async step(): Promise<void> {
    this.#state = { kind: 'committing' }
    try {
      await this.#conclude(await this.#advance())
    } catch (thrown) {
      const error = toServiceError(thrown)
      this.#tally.failed += 1
      this.#retry(paceAfter(error.kind), error.message)
    }
  }

  /**
   * Resolves with the current snapshot when everything up to the sequence is in the table or set
   * aside. @throws ServiceError of the first failure.
   */
  async flush(through: bigint): Promise<bigint | undefined> {
    this.#refuseIfStopped()
    if (this.#flushThrough === undefined || this.#flushThrough < through) {
      this.#flushThrough = through
    }
    if (this.#retryAt !== undefined) this.#retryAt = this.#context.parts.clock.monotonic()
    return this.#waiters.wait(through, false)
  }

  /** See `Processor.awaitCommitted`. */
  async awaitCommitted(sequence: bigint): Promise<bigint | undefined> {
    const { parts, key, log } = this.#context
    this.#refuseIfStopped()
    const setAside = parts.wal
      .stats()
      .quarantined.find((entry) => entry.key === key && entry.sequence === sequence)
    if (setAside !== undefined) throw quarantinedError(key, sequence, setAside.reason)
    const live = parts.wal.keyState(key)
    if (live === undefined || sequence > live.lastSequence) {
      throw new ServiceError('not-found', `the log has no entry ${sequence} of ${key}`)
    }
    if (!this.#isDone(sequence, live)) return this.#waiters.wait(sequence, true)
    const inspection = await inspectTable(this.#context, { from: sequence, through: sequence })
    if (inspection.kind === 'stopped') throw stoppedError(key, inspection.cause, inspection.reason)
    return snapshotFinder(inspection.loaded.metadata, log.id)(sequence)
  }

  status(live: KeyState, now: Instant): TableStatus {
    const { key, entryKey } = this.#context
    return {
      key,
      table: entryKey.table,
      tableUuid: entryKey.tableUuid,
      pendingEntries: live.entries,
      pendingBytes: live.bytes,
      oldestAgeMs: live.entries > 0 ? waitingMs(this.#waiting(live, now), now) : undefined,
      lastSnapshotId: this.#table.loaded?.metadata['current-snapshot-id'],
      watermark: this.#watermark > live.trimmedThrough ? this.#watermark : live.trimmedThrough,
      state: this.#state,
      warnings: this.#table.warnings,
      counters: { ...this.#tally },
    }
  }

  close(): void {
    this.#waiters.rejectAll(
      new ServiceError('closed', 'draining: entries that wait are committed after the next start'),
    )
  }

  #waiting(live: KeyState, now: Instant): WaitingEntries {
    const seenWaitingAt = this.#oldest?.since ?? now.monotonicMs
    return { ...live, seenWaitingAt, flushThrough: this.#flushThrough }
  }

  async #advance(): Promise<Step> {
    const { wal } = this.#context.parts
    let live = wal.keyState(this.#context.key)
    if (live?.firstSequence !== undefined && live.firstSequence <= this.#watermark) {
      // The trim after the last commit failed.
      await wal.trim(this.#context.key, this.#watermark)
      live = wal.keyState(this.#context.key)
    }
    if (live?.firstSequence === undefined) return { kind: 'empty' }
    if (this.#group === undefined) {
      const step = await this.#prepare(live, live.firstSequence)
      if (step !== undefined) return step
    }
    const group = this.#group
    // Set by now: whatever else preparing can come to was returned.
    if (group === undefined) return { kind: 'empty' }
    const onOutcome = (kind: 'committed' | 'conflict' | 'unknown' | 'rejected') => {
      this.#tally[kind] += 1
    }
    return attemptCommit(this.#context, { group, attempt: this.#failures, onOutcome })
  }

  /** Sets the group, or says what to do instead. */
  async #prepare(live: KeyState, from: bigint): Promise<Step | undefined> {
    let { loaded } = this.#table
    if (loaded === undefined) {
      const inspection = await inspectTable(this.#context, { from, through: live.lastSequence })
      if (inspection.kind !== 'proceed') return inspection
      loaded = inspection.loaded
      this.#table.see(loaded)
      const now = instantOf(this.#context.parts.clock)
      if (this.#table.isEarly(this.#waiting(live, now), now)) return { kind: 'early' }
    }
    const preparation = await prepareGroup(this.#context, {
      metadata: loaded.metadata,
      after: from - 1n,
      size: this.#size,
      sizing: this.#table.sizing,
      onQuarantine: (damage) => this.#quarantined(damage),
    })
    if (preparation.kind !== 'prepared') return preparation
    this.#group = preparation.group
    return undefined
  }

  async #conclude(step: Step): Promise<void> {
    switch (step.kind) {
      case 'settled':
        return this.#settled(step.loaded, step.through)
      case 'empty':
      case 'early':
        return this.#rest()
      case 'reshaped':
        this.#group = undefined
        this.#table.see(step.loaded)
        this.#tally.rewritten += 1
        return this.#retry('soon', 'the table has a new schema, partitioning, order or settings')
      case 'retry':
        return this.#retry(step.pace, step.reason)
      case 'stopped':
        return this.#stop(step.cause, step.reason)
    }
  }

  async #settled(loaded: LoadedTable, through: bigint): Promise<void> {
    const { parts, key } = this.#context
    if (this.#group !== undefined && this.#group.range.through <= through) {
      this.#tally.entries += this.#group.entries
      this.#tally.rows += this.#group.rows
      this.#size.succeeded()
    }
    this.#table.see(loaded)
    this.#watermark = through
    this.#group = undefined
    this.#settleWaiters()
    await parts.wal.trim(key, through)
    const snapshot = loaded.metadata['current-snapshot-id']
    parts.logger.info({ key, through, snapshot }, 'committed')
    this.#rest()
  }

  #rest(): void {
    this.#failures = 0
    this.#isFailing = false
    this.#retryAt = undefined
    this.#state = { kind: 'idle' }
    this.#settleWaiters()
  }

  #retry(wanted: RetryPace, reason: string): void {
    const { key, parts } = this.#context
    const { clock, config, ids, logger } = parts
    const pace = paceOf(wanted, this.#failures)
    const delayMs = retryDelayMs(pace, config.commit, this.#failures, randomFraction(ids))
    this.#failures += 1
    this.#isFailing = pace !== 'soon'
    this.#retryAt = clock.monotonic() + delayMs
    this.#state = { kind: 'waiting', retryAt: clock.now() + delayMs, reason }
    const level = pace === 'rejected' ? 'error' : this.#isFailing ? 'warn' : 'debug'
    logger[level]({ key, reason, delayMs, failures: this.#failures }, 'not committed')
    if (this.#isFailing) this.#waiters.failed(new ServiceError('unavailable', reason))
  }

  #stop(cause: StopCause, reason: string): void {
    const { key, parts } = this.#context
    this.#state = { kind: 'stopped', cause, reason }
    this.#group = undefined
    parts.logger.error({ key, cause, reason }, 'table stopped; its entries stay in the log')
    this.#waiters.rejectAll(stoppedError(key, cause, reason))
  }

  #quarantined({ sequence, reason }: Damage): void {
    const { key, parts } = this.#context
    this.#tally.quarantined += 1
    parts.logger.error({ key, sequence, reason }, 'entry set aside')
    this.#waiters.quarantined(sequence, quarantinedError(key, sequence, reason))
  }

  #isDone(sequence: bigint, live: KeyState | undefined): boolean {
    if (sequence <= this.#watermark) return true
    return live?.firstSequence === undefined || live.firstSequence > sequence
  }

  #settleWaiters(): void {
    if (this.#waiters.size === 0) return
    const live = this.#context.parts.wal.keyState(this.#context.key)
    this.#waiters.settle((sequence) => this.#isDone(sequence, live), this.#table.snapshots())
  }

  #refuseIfStopped(): void {
    const { refusal } = this
    if (refusal !== undefined) throw refusal
  }
}
