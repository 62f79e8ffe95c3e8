/**
 * What was set aside: entries that cannot be used, and copies of damaged bytes.
 *
 * Promises: an entry counts as quarantined exactly when its file is here, so the file is durable
 * before the entry stops being live. The first line of a file is JSON; the frames follow as they
 * stood in the segment.
 */
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { WalError } from './errors.ts'
import { writeDurably } from './files.ts'
import type { QuarantinedEntry } from './types.ts'

const ENTRY_FILE = /^entry-(\d{20})\.frames$/
const DAMAGE_FILE = /^damage-.*\.bytes$/
const REASON_LENGTH_MAX = 2_000
const LINE_BYTES_MAX = 16_384

export class Quarantine {
  readonly #directory: string
  readonly #entriesMax: number
  readonly #entries = new Map<bigint, QuarantinedEntry>()
  readonly #damage = new Set<string>()

  private constructor(directory: string, entriesMax: number) {
    this.#directory = directory
    this.#entriesMax = entriesMax
  }

  /** @throws WalError `io` when the folder cannot be read. */
  static async open(directory: string, entriesMax: number): Promise<Quarantine> {
    const quarantine = new Quarantine(directory, entriesMax)
    try {
      for (const name of (await readdir(directory)).sort()) {
        if (DAMAGE_FILE.test(name)) quarantine.#damage.add(name)
        const sequence = ENTRY_FILE.exec(name)?.[1]
        if (sequence === undefined) continue
        const file = join(directory, name)
        quarantine.#entries.set(BigInt(sequence), await readEntry(file, BigInt(sequence)))
      }
    } catch (error) {
      throw new WalError('io', `cannot read ${directory}`, { cause: error })
    }
    return quarantine
  }

  has(sequence: bigint): boolean {
    return this.#entries.has(sequence)
  }

  list(): QuarantinedEntry[] {
    return [...this.#entries.values()]
  }

  /** @throws WalError `full` before anything is written. */
  async add(entry: Omit<QuarantinedEntry, 'file'>, frames: readonly Uint8Array[]): Promise<void> {
    if (this.#entries.size >= this.#entriesMax) {
      const advice = `move some files out of ${this.#directory}, and open the log again`
      throw new WalError('full', `${this.#entriesMax} entries are quarantined; ${advice}`)
    }
    const { key, sequence, bytes } = entry
    const reason = entry.reason.slice(0, REASON_LENGTH_MAX)
    const file = join(this.#directory, `entry-${String(sequence).padStart(20, '0')}.frames`)
    const line = JSON.stringify({ key, sequence: String(sequence), reason, bytes })
    await writeDurably(file, [Buffer.from(`${line}\n`), ...frames])
    this.#entries.set(sequence, { key, sequence, reason, bytes, file })
  }

  /** Keeps a copy of damaged bytes, once; of no more places than entries may be quarantined. */
  async keepDamage(name: string, bytes: Uint8Array): Promise<void> {
    const file = `damage-${name}.bytes`
    if (this.#damage.has(file) || this.#damage.size >= this.#entriesMax) return
    await writeDurably(join(this.#directory, file), [bytes])
    this.#damage.add(file)
  }
}

async function readEntry(file: string, sequence: bigint): Promise<QuarantinedEntry> {
  const handle = await open(file, 'r')
  try {
    const start = Buffer.alloc(LINE_BYTES_MAX)
    const { bytesRead } = await handle.read(start, 0, start.length, 0)
    const line = start.toString('utf8', 0, bytesRead).split('\n', 1)[0] ?? ''
    return { ...parseLine(line), sequence, file }
  } finally {
    await handle.close()
  }
}

/** The name alone says which entry it is; a first line that was edited by hand changes nothing. */
function parseLine(line: string): Pick<QuarantinedEntry, 'key' | 'reason' | 'bytes'> {
  try {
    const parsed = JSON.parse(line) as Partial<Record<string, unknown>>
    const { key, reason, bytes } = parsed
    if (typeof key === 'string' && typeof reason === 'string' && typeof bytes === 'number') {
      return { key, reason, bytes }
    }
  } catch {
    // Reported below in the same words.
  }
  return { key: '', reason: 'the first line of the file cannot be read', bytes: 0 }
}
