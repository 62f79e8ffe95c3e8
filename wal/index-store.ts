/**
 * Where each live entry stands: key and sequence → segment and offset, in LevelDB.
 *
 * Promises: `caughtUp` resolves when all that was noted before is in LevelDB. Nothing depends on
 * what LevelDB keeps: it is written after the fsync, without sync, and made again at opening.
 * Does not know: whether an entry is live (`ledger.ts` does), or whether its bytes are intact.
 */
import { rm } from 'node:fs/promises'
import { Level } from 'level'
import { WalError } from './errors.ts'

export interface Location {
  readonly ordinal: number
  readonly offset: number
  readonly headBytes: number
  readonly payloadBytes: number
}

type Change =
  | { readonly kind: 'put'; readonly key: string; readonly sequence: bigint; readonly at: Location }
  | { readonly kind: 'forget'; readonly key: string; readonly from: bigint; readonly to: bigint }

type Database = Level<Buffer, Buffer>

const ENTRY_TAG = 0x65
const META_KEY = Buffer.from('log')
const LOCATION_BYTES = 24
const BATCH_MAX = 1_024

export class IndexStore {
  readonly #database: Database
  readonly #lagMax: number
  readonly #onFailure: (error: Error) => void
  #changes: Change[] = []
  #noted = 0
  #applied = 0
  #isApplying = false
  #failure: Error | undefined
  #waiters: { readonly at: number; readonly wake: () => void }[] = []

  constructor(database: Database, lagMax: number, onFailure: (error: Error) => void) {
    this.#database = database
    this.#lagMax = lagMax
    this.#onFailure = onFailure
  }

  put(key: string, sequence: bigint, at: Location): void {
    this.#note({ kind: 'put', key, sequence, at })
  }

  /** Both ends included. */
  forget(key: string, from: bigint, to: bigint): void {
    this.#note({ kind: 'forget', key, from, to })
  }

  /** Resolves when the index is no further behind than it may be; at once when it has failed. */
  async room(): Promise<void> {
    while (this.#noted - this.#applied >= this.#lagMax && !this.#failure) {
      await this.#reached(this.#noted - this.#lagMax + 1)
    }
  }

  /** @throws WalError `io` when LevelDB failed; reopening makes the index again. */
  async caughtUp(): Promise<void> {
    await this.#reached(this.#noted)
    if (this.#failure) {
      throw new WalError('io', 'the index failed; reopen the log', { cause: this.#failure })
    }
  }

  /** What LevelDB knows of a range of sequences, both ends included. At most `limit` records. */
  async locate(
    key: string,
    from: bigint,
    to: bigint,
    limit: number,
  ): Promise<Map<bigint, Location>> {
    const prefix = keyPrefix(key)
    const found = new Map<bigint, Location>()
    const range = { gte: recordKey(prefix, from), lte: recordKey(prefix, to), limit }
    for await (const [name, value] of this.#database.iterator(range)) {
      const at = decodeLocation(value)
      if (at) found.set(name.readBigUInt64BE(name.length - 8), at)
    }
    return found
  }

  /** Writes what is waiting, then closes LevelDB. */
  async close(): Promise<void> {
    await this.#reached(this.#noted)
    await this.#database.close()
  }

  #note(change: Change): void {
    this.#changes.push(change)
    this.#noted++
    if (!this.#isApplying && !this.#failure) void this.#apply()
  }

  async #apply(): Promise<void> {
    this.#isApplying = true
    try {
      while (this.#changes.length > 0) {
        const changes = this.#changes
        this.#changes = []
        for (let i = 0; i < changes.length; i += BATCH_MAX) {
          const slice = changes.slice(i, i + BATCH_MAX)
          await this.#write(slice)
          this.#applied += slice.length
          this.#wake()
        }
      }
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error))
      this.#wake()
      this.#onFailure(this.#failure)
    } finally {
      this.#isApplying = false
    }
  }

  /** In their order: a put after a forget of the same range must stay. */
  async #write(changes: readonly Change[]): Promise<void> {
    let puts: { type: 'put'; key: Buffer; value: Buffer }[] = []
    for (const change of changes) {
      const prefix = keyPrefix(change.key)
      if (change.kind === 'put') {
        const key = recordKey(prefix, change.sequence)
        puts.push({ type: 'put', key, value: encodeLocation(change.at) })
        continue
      }
      await this.#database.batch(puts, { sync: false })
      puts = []
      const { from, to } = change
      await this.#database.clear({ gte: recordKey(prefix, from), lte: recordKey(prefix, to) })
    }
    await this.#database.batch(puts, { sync: false })
  }

  #reached(at: number): Promise<void> {
    if (this.#applied >= at || this.#failure) return Promise.resolve()
    return new Promise((wake) => this.#waiters.push({ at, wake }))
  }

  #wake(): void {
    const isDue = ({ at }: { at: number }) => this.#applied >= at || this.#failure !== undefined
    const due = this.#waiters.filter(isDue)
    this.#waiters = this.#waiters.filter((waiter) => !isDue(waiter))
    for (const { wake } of due) wake()
  }
}

/** Opens LevelDB; a folder that cannot be opened, or is another log's, is made anew. */
export async function openDatabase(directory: string, logId: string): Promise<Database> {
  try {
    const database = await open(directory)
    const owner = await database.get(META_KEY)
    if (owner === undefined || owner.toString() === logId) {
      await database.put(META_KEY, Buffer.from(logId))
      return database
    }
    await database.close()
  } catch {
    // Whatever is wrong with it: it holds nothing that the segments do not say.
  }
  try {
    await rm(directory, { recursive: true, force: true })
    const database = await open(directory)
    await database.put(META_KEY, Buffer.from(logId))
    return database
  } catch (error) {
    throw new WalError('io', `cannot make the index in ${directory}`, { cause: error })
  }
}

export interface Reconciled {
  /** Records that were missing, wrong or stale. */
  readonly repairs: number
  /** The highest sequence that the index has ever been told of; 0n when it knows none. */
  readonly highestSequence: bigint
}

/** Makes LevelDB say exactly what the segments say. Expected locations are consumed. */
export async function reconcile(
  database: Database,
  expected: Map<string, Map<bigint, Location>>,
): Promise<Reconciled> {
  let repairs = 0
  let highestSequence = 0n
  let batch: ({ type: 'put'; key: Buffer; value: Buffer } | { type: 'del'; key: Buffer })[] = []
  const flush = async (least: number) => {
    if (batch.length < least) return
    await database.batch(batch, { sync: false })
    batch = []
  }
  const range = { gte: Buffer.from([ENTRY_TAG]), lt: Buffer.from([ENTRY_TAG + 1]) }
  for await (const [name, value] of database.iterator(range)) {
    const { key, sequence } = splitRecordKey(name)
    if (sequence > highestSequence) highestSequence = sequence
    const at = expected.get(key)?.get(sequence)
    expected.get(key)?.delete(sequence)
    if (at && encodeLocation(at).equals(value)) continue
    repairs++
    batch.push(
      at ? { type: 'put', key: name, value: encodeLocation(at) } : { type: 'del', key: name },
    )
    await flush(BATCH_MAX)
  }
  for (const [key, locations] of expected) {
    const prefix = keyPrefix(key)
    for (const [sequence, at] of locations) {
      repairs++
      batch.push({ type: 'put', key: recordKey(prefix, sequence), value: encodeLocation(at) })
      await flush(BATCH_MAX)
    }
  }
  await flush(1)
  return { repairs, highestSequence }
}

async function open(directory: string): Promise<Database> {
  const database: Database = new Level<Buffer, Buffer>(directory, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  })
  await database.open()
  return database
}

/** The length in front keeps the records of one key apart from those of a longer one. */
function keyPrefix(key: string): Buffer {
  const text = Buffer.from(key)
  const prefix = Buffer.alloc(3 + text.length)
  prefix.writeUInt8(ENTRY_TAG, 0)
  prefix.writeUInt16BE(text.length, 1)
  text.copy(prefix, 3)
  return prefix
}

/** Big-endian, so that the order of bytes is the order of sequences. */
function recordKey(prefix: Buffer, sequence: bigint): Buffer {
  const key = Buffer.alloc(prefix.length + 8)
  prefix.copy(key)
  key.writeBigUInt64BE(sequence, prefix.length)
  return key
}

function splitRecordKey(name: Buffer): { key: string; sequence: bigint } {
  if (name.length < 11) return { key: '', sequence: 0n }
  return {
    key: name.toString('utf8', 3, name.length - 8),
    sequence: name.readBigUInt64BE(name.length - 8),
  }
}

function encodeLocation({ ordinal, offset, headBytes, payloadBytes }: Location): Buffer {
  const value = Buffer.alloc(LOCATION_BYTES)
  value.writeBigUInt64LE(BigInt(ordinal), 0)
  value.writeBigUInt64LE(BigInt(offset), 8)
  value.writeUInt32LE(headBytes, 16)
  value.writeUInt32LE(payloadBytes, 20)
  return value
}

function decodeLocation(value: Buffer): Location | undefined {
  if (value.length !== LOCATION_BYTES) return undefined
  return {
    ordinal: Number(value.readBigUInt64LE(0)),
    offset: Number(value.readBigUInt64LE(8)),
    headBytes: value.readUInt32LE(16),
    payloadBytes: value.readUInt32LE(20),
  }
}
