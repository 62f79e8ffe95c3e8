/**
 * The log as its callers see it: the parts put together, and their end.
 *
 * Promises: W1…W12 of `README.md`. Each is kept by the part that its file names; this one only
 * checks what callers hand in, and the order in which things start and stop.
 */
import { WalError } from './errors.ts'
import { type Files, nodeFiles } from './files.ts'
import { chainedCrc, DEFINITIONS_MAX, KEY_BYTES_MAX, PRODUCER_ID_BYTES_MAX } from './frame.ts'
import { GroupCommit } from './group-commit.ts'
import { IndexStore } from './index-store.ts'
import { takeLock } from './lock.ts'
import { Mover } from './mover.ts'
import { type OpenedLog, openLog, prepareDirectory } from './open.ts'
import { Reader } from './reader.ts'
import type {
  Appended,
  AppendRequest,
  KeyState,
  Opening,
  OpenWalOptions,
  Wal,
  WalEntry,
  WalStats,
} from './types.ts'
import { totalLength } from './writer.ts'

const DEFINITION_ID = /^[0-9a-f]{32}$/
/** Heads, keys and padding of a frame, for the bound on what waits. */
const FRAME_OVERHEAD_BYTES = 256

/**
 * Resolves when the log is recovered, locked for this process, and its new epoch is durable.
 *
 * @throws WalError `locked`; `invalid` for limits that cannot work; `io` when a file cannot be
 * read, and then nothing was changed; `corrupt` for a log without identity or of a newer format;
 * `full` when there is no room for the first segment.
 */
export function openWal(options: OpenWalOptions): Promise<Wal> {
  return openWalOn(options, nodeFiles)
}

/** {@link openWal} on another file system. */
export async function openWalOn(options: OpenWalOptions, files: Files): Promise<Wal> {
  const unlock = takeLock(await prepareDirectory(options.directory, options.limits))
  try {
    return new SegmentedWal(options, await openLog(options, files), unlock)
  } catch (error) {
    unlock()
    if (error instanceof WalError) throw error
    throw new WalError('io', `cannot open ${options.directory}`, { cause: error })
  }
}

class SegmentedWal implements Wal {
  readonly id: string
  readonly epoch: bigint
  readonly nonce: string
  readonly openings: readonly Opening[]
  readonly #options: OpenWalOptions
  readonly #log: OpenedLog
  readonly #index: IndexStore
  readonly #commit: GroupCommit
  readonly #reader: Reader
  readonly #mover: Mover
  readonly #unlock: () => void
  /** Quarantines and reads under way: closing waits for them. */
  readonly #busy = new Set<Promise<unknown>>()
  #lastAside: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  constructor(options: OpenWalOptions, log: OpenedLog, unlock: () => void) {
    const { limits } = options
    const { segments, ledger, writer, recovered } = log
    this.id = log.id
    this.epoch = log.epoch
    this.nonce = log.nonce
    this.openings = log.openings
    this.#options = options
    this.#log = log
    this.#unlock = unlock
    this.#index = new IndexStore(log.database, limits.indexLagEntriesMax, (error) =>
      this.#commit.poison(error),
    )
    this.#commit = new GroupCommit({
      limits,
      writer,
      ledger,
      producers: recovered.producers,
      index: this.#index,
      durableSequence: writer.nextSequence - 1n,
      onCrowded: () => this.#mover.kick(),
      onPoison: (error) => options.onPoison?.(error),
    })
    this.#reader = new Reader({ segments, ledger, index: this.#index })
    const { logBytesMax } = limits
    const commit = this.#commit
    this.#mover = new Mover({ segments, ledger, reader: this.#reader, commit, logBytesMax })
  }

  async append(request: AppendRequest): Promise<Appended> {
    this.#assertOpen()
    const { key, payload, definitions, producer } = request
    checkNames(request)
    const payloadBytes = totalLength(payload)
    const bytes = definitions.reduce((sum, { parts }) => sum + totalLength(parts), payloadBytes)
    const { entryBytesMax } = this.#options.limits
    if (bytes > entryBytesMax) {
      const message = `the entry has ${bytes} bytes and entryBytesMax is ${entryBytesMax}`
      throw new WalError('too-large', `${message}; send less at once, or raise it`)
    }
    return this.#commit.append(
      {
        kind: 'entry',
        key,
        payload,
        payloadBytes,
        payloadCrc: chainedCrc(payload),
        definitions,
        producer,
        appendedAt: this.#options.now(),
        sequence: undefined,
      },
      bytes + FRAME_OVERHEAD_BYTES,
    )
  }

  async read(key: string, after: bigint, bytesMax: number): Promise<WalEntry[]> {
    this.#assertNotClosed()
    return this.#track(this.#reader.read(key, after, bytesMax))
  }

  async trim(key: string, through: bigint): Promise<void> {
    this.#assertOpen()
    const { ledger } = this.#log
    const last = ledger.lastSequence(key)
    // What is not appended yet is not forgotten in advance.
    const bounded = through < last ? through : last
    if (bounded <= ledger.trimmedThrough(key)) return
    await this.#commit.control({ kind: 'trim', key, through: bounded }, FRAME_OVERHEAD_BYTES)
  }

  async quarantine(key: string, sequence: bigint, reason: string): Promise<void> {
    this.#assertOpen()
    // One after the other: the second call for an entry must find that it is no longer live.
    const work = this.#lastAside.then(() => this.#setAside(key, sequence, reason))
    this.#lastAside = work.catch(() => undefined)
    await this.#track(work)
  }

  keys(): KeyState[] {
    return this.#log.ledger.states()
  }

  keyState(key: string): KeyState | undefined {
    return this.#log.ledger.state(key)
  }

  stats(): WalStats {
    const { segments, ledger, quarantine, writer, recovered, recovery } = this.#log
    const indexRepairs = recovery.indexRepairs + this.#reader.repairs
    return {
      id: this.id,
      epoch: this.epoch,
      nextSequence: writer.nextSequence,
      durableThrough: this.#commit.durableSequence,
      segments: segments.count,
      freeSegments: segments.freeCount,
      logBytes: segments.bytes,
      liveEntries: ledger.entries,
      liveBytes: ledger.bytes,
      producers: recovered.producers.size,
      quarantined: quarantine.list(),
      recovery: { ...recovery, indexRepairs },
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await this.#mover.stop()
      await this.#commit.drain()
      await Promise.allSettled(this.#busy)
      // Without the mark the last group's damage could not be told from a torn tail; no more.
      if (!this.#commit.isPoisoned) await this.#log.writer.seal().catch(() => undefined)
      await this.#log.writer.idle()
      await this.#index.close()
      await this.#log.segments.close()
    } finally {
      this.#unlock()
    }
  }

  async #setAside(key: string, sequence: bigint, reason: string): Promise<void> {
    const { ledger, quarantine } = this.#log
    const live = ledger.find(key, sequence)
    if (!live) throw new WalError('invalid', `entry ${sequence} of ${key} is not live`)
    const frames = await this.#reader.raw(key, sequence)
    await quarantine.add({ key, sequence, reason, bytes: live.bytes }, frames)
    ledger.remove(key, sequence)
    this.#index.forget(key, sequence, sequence)
  }

  #assertOpen(): void {
    this.#assertNotClosed()
    this.#commit.assertUsable()
  }

  #assertNotClosed(): void {
    if (this.#closing) throw new WalError('closed', 'the log is closed')
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    this.#busy.add(work)
    try {
      return await work
    } finally {
      this.#busy.delete(work)
    }
  }
}

/** @throws WalError `invalid`. */
function checkNames({ key, definitions, producer }: AppendRequest): void {
  if (!key.isWellFormed() || Buffer.byteLength(key) > KEY_BYTES_MAX) {
    throw new WalError('invalid', `a key is well-formed text of at most ${KEY_BYTES_MAX} bytes`)
  }
  if (definitions.length > DEFINITIONS_MAX) {
    throw new WalError('invalid', `an entry names at most ${DEFINITIONS_MAX} definitions`)
  }
  for (const { id } of definitions) {
    if (!DEFINITION_ID.test(id)) throw new WalError('invalid', `${id} is not 32 hex digits`)
  }
  if (!producer) return
  if (!producer.id.isWellFormed() || Buffer.byteLength(producer.id) > PRODUCER_ID_BYTES_MAX) {
    const message = `a producer's id is well-formed text of at most ${PRODUCER_ID_BYTES_MAX} bytes`
    throw new WalError('invalid', message)
  }
  if (producer.sequence < 0n || producer.sequence >= 2n ** 63n) {
    throw new WalError('invalid', `${producer.sequence} is not a producer's number`)
  }
}
