/**
 * Which entries are live, per key and per segment, in memory: 28 bytes for each.
 *
 * Promises: the answer to "is it live, in which segment, how many bytes" is exact at every instant,
 * whatever the index says. Where in a segment a frame stands only the index knows.
 */
import type { KeyRecord } from './control.ts'
import type { KeyState } from './types.ts'

export interface LiveEntry {
  readonly sequence: bigint
  readonly appendedAt: number
  readonly bytes: number
  readonly ordinal: number
}

const INITIAL_ROWS = 16

/** Live entries of one key in the order of their sequences: a queue in growing columns. */
export class EntryColumns {
  #sequences = new BigUint64Array(INITIAL_ROWS)
  #appendedAt = new Float64Array(INITIAL_ROWS)
  #ordinals = new Float64Array(INITIAL_ROWS)
  #bytes = new Uint32Array(INITIAL_ROWS)
  #start = 0
  #end = 0

  get length(): number {
    return this.#end - this.#start
  }

  at(index: number): LiveEntry {
    const row = this.#start + index
    return {
      sequence: this.#sequences[row] as bigint,
      appendedAt: this.#appendedAt[row] as number,
      bytes: this.#bytes[row] as number,
      ordinal: this.#ordinals[row] as number,
    }
  }

  /** Index of the first entry at or above a sequence. */
  lowerBound(sequence: bigint): number {
    let low = this.#start
    let high = this.#end
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#sequences[middle] as bigint) < sequence) low = middle + 1
      else high = middle
    }
    return low - this.#start
  }

  find(sequence: bigint): number {
    const index = this.lowerBound(sequence)
    return index < this.length && this.at(index).sequence === sequence ? index : -1
  }

  push(entry: LiveEntry): void {
    if (this.#end === this.#sequences.length) this.#resize()
    this.#sequences[this.#end] = entry.sequence
    this.#appendedAt[this.#end] = entry.appendedAt
    this.#ordinals[this.#end] = entry.ordinal
    this.#bytes[this.#end] = entry.bytes
    this.#end++
  }

  setOrdinal(index: number, ordinal: number): void {
    this.#ordinals[this.#start + index] = ordinal
  }

  dropFirst(count: number): void {
    this.#start += count
  }

  remove(index: number): void {
    const row = this.#start + index
    for (const column of [this.#sequences, this.#appendedAt, this.#ordinals, this.#bytes]) {
      column.copyWithin(row, row + 1, this.#end)
    }
    this.#end--
  }

  /** Moves the rows to the front of columns with room for as many again. */
  #resize(): void {
    const rows = Math.max(INITIAL_ROWS, this.length * 2)
    const { length } = this
    const sequences = new BigUint64Array(rows)
    sequences.set(this.#sequences.subarray(this.#start, this.#end))
    const appendedAt = new Float64Array(rows)
    appendedAt.set(this.#appendedAt.subarray(this.#start, this.#end))
    const ordinals = new Float64Array(rows)
    ordinals.set(this.#ordinals.subarray(this.#start, this.#end))
    const bytes = new Uint32Array(rows)
    bytes.set(this.#bytes.subarray(this.#start, this.#end))
    this.#sequences = sequences
    this.#appendedAt = appendedAt
    this.#ordinals = ordinals
    this.#bytes = bytes
    this.#start = 0
    this.#end = length
  }
}

interface KeyLedger {
  readonly entries: EntryColumns
  bytes: number
  lastSequence: bigint
  trimmedThrough: bigint
}

export interface SegmentUse {
  entries: number
  bytes: number
}

/** Beyond so many keys the oldest one without live entries is forgotten. */
const KEYS_MAX = 65_536
const UNUSED: Readonly<SegmentUse> = { entries: 0, bytes: 0 }

export class Ledger {
  readonly #keys = new Map<string, KeyLedger>()
  readonly #segments = new Map<number, SegmentUse>()
  #entries = 0
  #bytes = 0

  get entries(): number {
    return this.#entries
  }

  get bytes(): number {
    return this.#bytes
  }

  restore(record: KeyRecord): void {
    const key = this.#key(record.key)
    key.lastSequence = record.lastSequence
    key.trimmedThrough = record.trimmedThrough
  }

  /** In the order of sequences within one key. */
  add(name: string, entry: LiveEntry): void {
    const key = this.#key(name)
    key.entries.push(entry)
    key.bytes += entry.bytes
    if (entry.sequence > key.lastSequence) key.lastSequence = entry.sequence
    this.#count(entry, 1)
  }

  /** The entry stands in another segment now. False when it is no longer live. */
  move(name: string, sequence: bigint, ordinal: number): boolean {
    const key = this.#keys.get(name)
    const index = key?.entries.find(sequence) ?? -1
    if (!key || index < 0) return false
    const entry = key.entries.at(index)
    this.#count(entry, -1)
    key.entries.setOrdinal(index, ordinal)
    this.#count({ ...entry, ordinal }, 1)
    return true
  }

  trim(name: string, through: bigint): void {
    const key = this.#keys.get(name)
    if (!key) return
    const count = key.entries.lowerBound(through + 1n)
    for (let i = 0; i < count; i++) {
      const entry = key.entries.at(i)
      key.bytes -= entry.bytes
      this.#count(entry, -1)
    }
    key.entries.dropFirst(count)
    if (through > key.trimmedThrough) key.trimmedThrough = through
  }

  remove(name: string, sequence: bigint): void {
    const key = this.#keys.get(name)
    const index = key?.entries.find(sequence) ?? -1
    if (!key || index < 0) return
    const entry = key.entries.at(index)
    key.bytes -= entry.bytes
    this.#count(entry, -1)
    key.entries.remove(index)
  }

  find(name: string, sequence: bigint): LiveEntry | undefined {
    const entries = this.#keys.get(name)?.entries
    const index = entries?.find(sequence) ?? -1
    return entries && index >= 0 ? entries.at(index) : undefined
  }

  /** After a sequence, as many as fit, and at least one if there is any. */
  after(name: string, sequence: bigint, bytesMax: number): LiveEntry[] {
    const entries = this.#keys.get(name)?.entries
    const found: LiveEntry[] = []
    if (!entries) return found
    let bytes = 0
    for (let i = entries.lowerBound(sequence + 1n); i < entries.length; i++) {
      const entry = entries.at(i)
      bytes += entry.bytes
      if (found.length > 0 && bytes > bytesMax) break
      found.push(entry)
    }
    return found
  }

  inSegment(ordinal: number): { key: string; sequence: bigint }[] {
    const found: { key: string; sequence: bigint }[] = []
    for (const [key, { entries }] of this.#keys) {
      for (let i = 0; i < entries.length; i++) {
        const entry = entries.at(i)
        if (entry.ordinal === ordinal) found.push({ key, sequence: entry.sequence })
      }
    }
    return found
  }

  segment(ordinal: number): Readonly<SegmentUse> {
    return this.#segments.get(ordinal) ?? UNUSED
  }

  /** 0n when the key is not known. */
  lastSequence(name: string): bigint {
    return this.#keys.get(name)?.lastSequence ?? 0n
  }

  trimmedThrough(name: string): bigint {
    return this.#keys.get(name)?.trimmedThrough ?? 0n
  }

  records(): KeyRecord[] {
    return [...this.#keys].map(([key, { lastSequence, trimmedThrough }]) => ({
      key,
      lastSequence,
      trimmedThrough,
    }))
  }

  states(): KeyState[] {
    return [...this.#keys].map(([key, ledger]) => {
      const first = ledger.entries.length > 0 ? ledger.entries.at(0) : undefined
      return {
        key,
        entries: ledger.entries.length,
        bytes: ledger.bytes,
        firstSequence: first?.sequence,
        lastSequence: ledger.lastSequence,
        trimmedThrough: ledger.trimmedThrough,
        oldestAppendedAt: first?.appendedAt,
      }
    })
  }

  #key(name: string): KeyLedger {
    const known = this.#keys.get(name)
    if (known) return known
    const made = { entries: new EntryColumns(), bytes: 0, lastSequence: 0n, trimmedThrough: 0n }
    if (this.#keys.size >= KEYS_MAX) this.#forgetIdle()
    this.#keys.set(name, made)
    return made
  }

  #forgetIdle(): void {
    for (const [name, { entries }] of this.#keys) {
      if (entries.length > 0) continue
      this.#keys.delete(name)
      return
    }
  }

  #count({ ordinal, bytes }: LiveEntry, sign: 1 | -1): void {
    const use = this.#segments.get(ordinal) ?? { entries: 0, bytes: 0 }
    use.entries += sign
    use.bytes += sign * bytes
    if (use.entries === 0) this.#segments.delete(ordinal)
    else this.#segments.set(ordinal, use)
    this.#entries += sign
    this.#bytes += sign * bytes
  }
}
