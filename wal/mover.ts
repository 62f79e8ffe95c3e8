/**
 * Keeps one live entry from pinning a segment for ever: when room is short, the live entries of the
 * sparsest segment are written again at the end of the log, under their old sequences.
 *
 * Promises: one segment at a time, a bounded number of bytes in memory, and an entry is live at
 * every instant: its old frame counts until the new one is on disk.
 */
import { WalError } from './errors.ts'
import { chainedCrc } from './frame.ts'
import type { GroupCommit } from './group-commit.ts'
import type { Ledger } from './ledger.ts'
import type { Reader } from './reader.ts'
import type { Segments } from './segments.ts'

interface MoverOptions {
  readonly segments: Segments
  readonly ledger: Ledger
  readonly reader: Reader
  readonly commit: GroupCommit
  readonly logBytesMax: number
}

export class Mover {
  readonly #options: MoverOptions
  /** Segments with an entry that cannot be read: they wait for its quarantine. */
  readonly #stuck = new Set<number>()
  #running: Promise<void> | undefined
  #isStopped = false

  constructor(options: MoverOptions) {
    this.#options = options
  }

  /** Moves one segment's entries in the background, if more than half of the log's room is used. */
  kick(): void {
    const { segments, logBytesMax } = this.#options
    if (this.#running || this.#isStopped) return
    if (segments.bytes * 2 <= logBytesMax || segments.freeCount > 1) return
    const segment = segments.sparsest((ordinal) => !this.#stuck.has(ordinal))
    if (!segment) return
    this.#running = this.#empty(segment.ordinal).finally(() => {
      this.#running = undefined
    })
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  async #empty(ordinal: number): Promise<void> {
    try {
      for (const { key, sequence } of this.#options.ledger.inSegment(ordinal)) {
        if (this.#isStopped) return
        await this.#move(key, sequence, ordinal)
      }
    } catch (error) {
      // Full or poisoned: whoever appends next hears of it, and kicks again.
      if (!(error instanceof WalError)) throw error
    }
  }

  async #move(key: string, sequence: bigint, ordinal: number): Promise<void> {
    const { reader, commit, ledger } = this.#options
    if (ledger.find(key, sequence)?.ordinal !== ordinal) return
    const [entry] = await reader.read(key, sequence - 1n, 0)
    if (entry?.sequence !== sequence) return
    if (entry.kind === 'corrupt') {
      this.#stuck.add(ordinal)
      return
    }
    const { payload, appendedAt } = entry
    const frame = {
      kind: 'entry',
      key,
      payload: [payload],
      payloadBytes: payload.length,
      payloadCrc: chainedCrc([payload]),
      definitions: entry.definitions.map(({ id, bytes }) => ({ id, parts: [bytes] })),
      producer: undefined,
      appendedAt,
      sequence,
    } as const
    await commit.control(frame, payload.length)
  }
}
