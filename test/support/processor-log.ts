/**
 * The log in memory, behind its port, for the processor's tests: what it was told survives the
 * handle, and each opening has its own epoch and nonce.
 *
 * A handle that was overtaken by a later opening keeps its own view, as a process does whose lock
 * was lost: it goes on with what it knew, and sees nothing that came after.
 */
import type {
  AppendRequest,
  KeyState,
  Opening,
  QuarantinedEntry,
  Wal,
  WalEntry,
  WalStats,
} from '#wal'
import { WalError } from '#wal'
import { encodeMessage } from '../../src/entry.ts'

interface Stream {
  readonly entries: WalEntry[]
  readonly lastSequence: bigint
  readonly trimmedThrough: bigint
}

interface View {
  streams: Map<string, Stream>
  nextSequence: bigint
  quarantined: QuarantinedEntry[]
}

const NO_STREAM: Stream = { entries: [], lastSequence: 0n, trimmedThrough: 0n }

export class FakeLog {
  readonly id: string
  #openings: readonly Opening[]
  #view: View

  constructor(
    id = '01JLOG00000000000000000000',
    from?: { openings: readonly Opening[]; view: View },
  ) {
    this.id = id
    this.#openings = from?.openings ?? []
    this.#view = from?.view ?? { streams: new Map(), nextSequence: 1n, quarantined: [] }
  }

  open(now: () => number = () => 0): FakeWal {
    this.#view = copyOf(this.#view)
    const epoch = (this.#openings.at(-1)?.epoch ?? 0n) + 1n
    const nonce = `nonce${(openings += 1)}`
    const { nextSequence: firstSequence } = this.#view
    this.#openings = [...this.#openings, { epoch, nonce, firstSequence }]
    return new FakeWal({ id: this.id, openings: this.#openings, view: this.#view, now })
  }

  /** A copy of the directory, as a backup or a cloned disk makes it. */
  copy(): FakeLog {
    return new FakeLog(this.id, { openings: this.#openings, view: copyOf(this.#view) })
  }

  get quarantined(): readonly QuarantinedEntry[] {
    return this.#view.quarantined
  }
}

let openings = 0

export class FakeWal implements Wal {
  readonly id: string
  readonly epoch: bigint
  readonly nonce: string
  readonly openings: readonly Opening[]
  /** Thrown by the next call of that name, once. */
  readonly failNext = new Map<'read' | 'trim' | 'quarantine' | 'keys', Error>()
  readonly trims: { key: string; through: bigint }[] = []
  readonly #view: View
  readonly #now: () => number

  constructor(opened: {
    id: string
    openings: readonly Opening[]
    view: View
    now: () => number
  }) {
    this.id = opened.id
    this.openings = opened.openings
    this.epoch = opened.openings.at(-1)?.epoch ?? 0n
    this.nonce = opened.openings.at(-1)?.nonce ?? ''
    this.#view = opened.view
    this.#now = opened.now
  }

  /** Durable at once. `text` is what the fake encoder reads. */
  add(key: string, rows = 1, text = ''): bigint {
    const body = new TextEncoder().encode(text)
    const parts = encodeMessage({ metadata: new Uint8Array(0), body }, rows)
    return this.#add(key, new Uint8Array(Buffer.concat(parts)))
  }

  async append(request: AppendRequest): Promise<{ sequence: bigint; isDuplicate: boolean }> {
    const sequence = this.#add(request.key, new Uint8Array(Buffer.concat(request.payload)))
    return { sequence, isDuplicate: false }
  }

  /** As if its bytes had rotted. */
  damage(key: string, sequence: bigint): void {
    this.#change(key, ({ entries }) => ({
      entries: entries.map((entry) =>
        entry.sequence === sequence ? { kind: 'corrupt', sequence, reason: 'bad checksum' } : entry,
      ),
    }))
  }

  /** As the log does with idle streams when there are too many. */
  forget(key: string): void {
    this.#view.streams.delete(key)
  }

  async read(key: string, after: bigint, bytesMax: number): Promise<WalEntry[]> {
    this.#fail('read')
    const read: WalEntry[] = []
    let bytes = 0
    for (const entry of this.#stream(key).entries) {
      if (entry.sequence <= after) continue
      bytes += sizeOf(entry)
      if (read.length > 0 && bytes > bytesMax) break
      read.push(entry.kind === 'entry' ? { ...entry, payload: entry.payload.slice() } : entry)
    }
    return read
  }

  async trim(key: string, through: bigint): Promise<void> {
    this.#fail('trim')
    this.trims.push({ key, through })
    this.#change(key, ({ entries, trimmedThrough }) => ({
      entries: entries.filter((entry) => entry.sequence > through),
      trimmedThrough: through > trimmedThrough ? through : trimmedThrough,
    }))
  }

  async quarantine(key: string, sequence: bigint, reason: string): Promise<void> {
    this.#fail('quarantine')
    const entry = this.#stream(key).entries.find((other) => other.sequence === sequence)
    if (entry === undefined) throw new WalError('invalid', `${key} has no live entry ${sequence}`)
    this.#change(key, ({ entries }) => ({ entries: entries.filter((other) => other !== entry) }))
    this.#view.quarantined.push({ key, sequence, reason, bytes: sizeOf(entry), file: 'memory' })
  }

  keys(): KeyState[] {
    this.#fail('keys')
    return [...this.#view.streams].map(([key, { entries, lastSequence, trimmedThrough }]) => ({
      key,
      entries: entries.length,
      bytes: entries.reduce((sum, entry) => sum + sizeOf(entry), 0),
      firstSequence: entries[0]?.sequence,
      lastSequence,
      trimmedThrough,
      oldestAppendedAt: entries.map((entry) => (entry.kind === 'entry' ? entry.appendedAt : 0))[0],
    }))
  }

  keyState(key: string): KeyState | undefined {
    return this.keys().find((state) => state.key === key)
  }

  stats(): WalStats {
    return {
      id: this.id,
      epoch: this.epoch,
      nextSequence: this.#view.nextSequence,
      durableThrough: this.#view.nextSequence - 1n,
      segments: 1,
      freeSegments: 0,
      logBytes: 0,
      liveEntries: this.keys().reduce((sum, { entries }) => sum + entries, 0),
      liveBytes: 0,
      producers: 0,
      quarantined: this.#view.quarantined,
      recovery: { entries: 0, tornTailBytes: 0, damaged: [], indexRepairs: 0 },
    }
  }

  async close(): Promise<void> {}

  #add(key: string, payload: Uint8Array): bigint {
    const sequence = this.#view.nextSequence
    this.#view.nextSequence += 1n
    const entry: WalEntry = {
      kind: 'entry',
      sequence,
      appendedAt: this.#now(),
      payload,
      definitions: [],
    }
    this.#change(key, ({ entries }) => ({ entries: [...entries, entry], lastSequence: sequence }))
    return sequence
  }

  #stream(key: string): Stream {
    return this.#view.streams.get(key) ?? NO_STREAM
  }

  #change(key: string, change: (stream: Stream) => Partial<Stream>): void {
    const stream = this.#stream(key)
    this.#view.streams.set(key, { ...stream, ...change(stream) })
  }

  #fail(call: 'read' | 'trim' | 'quarantine' | 'keys'): void {
    const error = this.failNext.get(call)
    this.failNext.delete(call)
    if (error !== undefined) throw error
  }
}

function sizeOf(entry: WalEntry): number {
  return entry.kind === 'entry' ? entry.payload.length : 0
}

/** Streams are never changed in place, so a new map is a copy. */
function copyOf(view: View): View {
  return { ...view, streams: new Map(view.streams), quarantined: [...view.quarantined] }
}
