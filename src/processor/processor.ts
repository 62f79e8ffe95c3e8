/**
 * From the log to the tables: looks at what waits, decides what is due, and lets each table take
 * its steps, a bounded number at a time.
 *
 * Promises: every acknowledged entry is in its table's history exactly once or set aside with a
 * reason, never dropped; one table's failure delays no other. Does not know: who appends, and what
 * a commit is made of.
 */

import type { KeyState } from '#wal'
import { type EntryKey, parseKey } from '../entry.ts'
import { ServiceError, toServiceError } from '../errors.ts'
import { instantOf } from './commit-policy.ts'
import { createManifestListReader } from './parent-manifests.ts'
import type { ProcessorParts } from './parts.ts'
import { type Candidate, chooseTables } from './schedule.ts'
import { emptyTally, type FlushedTable, stoppedError, type TableStatus } from './status.ts'
import { TableWorker } from './table-worker.ts'
import type { LogOpening } from './watermark.ts'

export interface Processor {
  /** Begins to commit what waits in the log, and then what is appended to it. */
  start(): void
  /**
   * Commits what was durable at the call for the keys selected; resolves when each is committed or
   * has failed. What failed stays in the log and is tried again.
   */
  flush(select: (key: EntryKey) => boolean): Promise<FlushedTable[]>
  /**
   * Resolves with the snapshot that contains the sequence, however long that takes; does not hurry
   * the commit.
   *
   * @throws ServiceError `not-found` (no such entry, or the table is gone), `corrupt` (set aside, or
   * the table was set back), `closed`, `overloaded`.
   */
  awaitCommitted(key: string, sequence: bigint): Promise<{ snapshotId: bigint }>
  /**
   * Why nothing more should be appended under a key: its table is stopped, and what is appended all
   * the same stays in the log until a person has decided.
   */
  refusal(key: string): ServiceError | undefined
  /** One for each stream that the log knows. */
  status(): TableStatus[]
  /** Resolves when no step is running any more; with `commit`, flushes first. Safe to call twice. */
  close(options: { readonly commit: boolean }): Promise<void>
}

export function createProcessor(parts: ProcessorParts): Processor {
  return new LogProcessor(parts)
}

class LogProcessor implements Processor {
  readonly #parts: ProcessorParts
  readonly #log: LogOpening
  readonly #workers = new Map<string, TableWorker>()
  /** Keys that cannot be read: their entries stay where they are. */
  readonly #unreadable = new Map<string, string>()
  readonly #steps = new Map<string, Promise<void>>()
  readonly #ended = new AbortController()
  #ticking: Promise<void> | undefined
  #closed: Promise<void> | undefined

  constructor(parts: ProcessorParts) {
    const { id, epoch, nonce, openings } = parts.wal
    const firstSequence = openings.at(-1)?.firstSequence ?? parts.wal.stats().nextSequence
    this.#parts = parts
    this.#log = { id, epoch, nonce, firstSequence, earlier: openings.slice(0, -1) }
  }

  start(): void {
    this.#ticking ??= this.#tickUntilEnded()
  }

  async flush(select: (key: EntryKey) => boolean): Promise<FlushedTable[]> {
    this.#refuseIfClosed()
    return this.#flush(select)
  }

  async awaitCommitted(key: string, sequence: bigint): Promise<{ snapshotId: bigint }> {
    this.#refuseIfClosed()
    if (this.#parts.wal.keyState(key) === undefined) {
      throw new ServiceError('not-found', `the log has no entries of ${key}`)
    }
    const worker = this.#worker(key)
    if (worker === undefined) throw this.#unreadableError(key)
    const snapshotId = await worker.awaitCommitted(sequence)
    if (snapshotId !== undefined) return { snapshotId }
    throw new ServiceError('internal', `${key} has no snapshot, and entry ${sequence} is committed`)
  }

  refusal(key: string): ServiceError | undefined {
    return this.#workers.get(key)?.refusal
  }

  status(): TableStatus[] {
    const now = instantOf(this.#parts.clock)
    return this.#parts.wal
      .keys()
      .map((live) => this.#worker(live.key)?.status(live, now) ?? this.#unreadableStatus(live))
  }

  close({ commit }: { readonly commit: boolean }): Promise<void> {
    this.#closed ??= this.#close(commit)
    return this.#closed
  }

  async #close(commit: boolean): Promise<void> {
    if (commit) await this.#flush(() => true)
    this.#ended.abort()
    await this.#ticking
    await Promise.all(this.#steps.values())
    for (const worker of this.#workers.values()) worker.close()
  }
  async #tickUntilEnded(): Promise<void> {
    const { clock, config } = this.#parts
    while (!this.#ended.signal.aborted) {
      this.#tick()
      await clock.sleep(config.commit.tickMs, this.#ended.signal)
    }
  }

  /** Starts what is due as far as there is room. Called at any time; never throws. */
  #tick(): void {
    if (this.#ended.signal.aborted) return
    try {
      const candidates = this.#candidates()
      const running = [...this.#steps.keys()].map((key) => this.#workers.get(key))
      const failing = running.filter((worker) => worker?.isFailing).length
      const tablesMax = this.#parts.config.commit.concurrentTablesMax
      const places = { tables: running.length, failing }
      for (const key of chooseTables(candidates, places, tablesMax)) this.#run(key)
    } catch (thrown) {
      this.#parts.logger.error({ error: toServiceError(thrown).message }, 'could not read the log')
    }
  }

  #candidates(): Candidate[] {
    const now = instantOf(this.#parts.clock)
    const states = this.#parts.wal.keys()
    this.#forgetWorkersBut(new Set(states.map((live) => live.key)))
    return states.flatMap((live) => {
      const worker = live.entries > 0 ? this.#worker(live.key) : this.#workers.get(live.key)
      return worker?.candidate(live, now) ?? []
    })
  }

  #run(key: string): void {
    const worker = this.#workers.get(key)
    if (worker === undefined) return
    const step = worker.step().then(() => {
      this.#steps.delete(key)
      this.#tick()
    })
    this.#steps.set(key, step)
  }

  async #flush(select: (key: EntryKey) => boolean): Promise<FlushedTable[]> {
    this.start()
    const flushed = this.#parts.wal.keys().flatMap((live) => {
      if (live.entries === 0) return []
      const worker = this.#worker(live.key)
      // A key that cannot be read cannot be selected; the status shows it.
      return worker !== undefined && select(worker.entryKey) ? flushTable(worker, live) : []
    })
    this.#tick()
    return Promise.all(flushed)
  }

  #worker(key: string): TableWorker | undefined {
    const known = this.#workers.get(key)
    if (known !== undefined) return known
    const entryKey = this.#readKey(key)
    if (entryKey === undefined) return undefined
    const worker = new TableWorker({
      parts: this.#parts,
      log: this.#log,
      key,
      entryKey,
      manifestLists: createManifestListReader(this.#parts.store),
    })
    this.#workers.set(key, worker)
    return worker
  }

  #readKey(key: string): EntryKey | undefined {
    if (this.#unreadable.has(key)) return undefined
    try {
      return parseKey(key)
    } catch (thrown) {
      const reason = toServiceError(thrown).message
      this.#unreadable.set(key, reason)
      this.#parts.logger.error(
        { key, reason },
        'log key cannot be read; its entries stay in the log',
      )
      return undefined
    }
  }

  #forgetWorkersBut(known: ReadonlySet<string>): void {
    for (const [key, worker] of this.#workers) {
      if (!known.has(key) && worker.isIdle) this.#workers.delete(key)
    }
    for (const key of this.#unreadable.keys()) if (!known.has(key)) this.#unreadable.delete(key)
  }

  #unreadableError(key: string): ServiceError {
    return stoppedError(
      key,
      'unreadable-key',
      this.#unreadable.get(key) ?? 'its key is not readable',
    )
  }

  #unreadableStatus(live: KeyState): TableStatus {
    const reason = this.#unreadable.get(live.key) ?? 'its key is not readable'
    return {
      key: live.key,
      table: undefined,
      tableUuid: undefined,
      pendingEntries: live.entries,
      pendingBytes: live.bytes,
      oldestAgeMs: undefined,
      lastSnapshotId: undefined,
      watermark: live.trimmedThrough,
      state: { kind: 'stopped', cause: 'unreadable-key', reason },
      warnings: [],
      counters: emptyTally(),
    }
  }

  #refuseIfClosed(): void {
    if (this.#closed !== undefined) {
      throw new ServiceError('closed', 'draining: nothing more is committed on request')
    }
  }
}

async function flushTable(worker: TableWorker, live: KeyState): Promise<FlushedTable> {
  const through = live.lastSequence
  const flushed = { key: live.key, table: worker.entryKey.table, through }
  try {
    return { ...flushed, kind: 'committed', snapshotId: await worker.flush(through) }
  } catch (thrown) {
    return { ...flushed, kind: 'failed', reason: toServiceError(thrown).message }
  }
}
