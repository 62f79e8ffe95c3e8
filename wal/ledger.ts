/**
 * Which entries are live, per key and per segment, in memory.
 *
 * Promises: the answer to "is it live, in which segment, how many bytes" is exact at every instant,
 * whatever the index says. Where in a segment a frame stands only the index knows.
 */
import type { KeyRecord } from './control.ts'
import { EntryColumns, type LiveEntry } from './entry-columns.ts'
import type { KeyState } from './types.ts'

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

const UNUSED: Readonly<SegmentUse> = { entries: 0, bytes: 0 }

export class Ledger {
  readonly #keysMax: number
  readonly #keys = new Map<string, KeyLedger>()
  readonly #segments = new Map<number, SegmentUse>()
  #entries = 0
  #bytes = 0

  constructor(keysMax: number) {
    this.#keysMax = keysMax
  }

  get entries(): number {
    return this.#entries
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Forgets nothing, as entries are still to come: {@link restored} does. */
  restore({ key, lastSequence, trimmedThrough }: KeyRecord): void {
    this.#keys.set(key, { entries: new EntryColumns(), bytes: 0, lastSequence, trimmedThrough })
  }

  restored(): void {
    for (const [name, { entries }] of this.#keys) {
      if (this.#keys.size <= this.#keysMax) return
      if (entries.length === 0) this.#keys.delete(name)
    }
  }

  /** False for a new key when as many as may be have live entries. */
  hasRoomFor(name: string): boolean {
    return this.#keys.has(name) || this.#keys.size < this.#keysMax || this.#idleKey() !== undefined
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
    return [...this.#keys].map(([key, ledger]) => stateOf(key, ledger))
  }

  state(key: string): KeyState | undefined {
    const ledger = this.#keys.get(key)
    return ledger && stateOf(key, ledger)
  }

  #key(name: string): KeyLedger {
    const known = this.#keys.get(name)
    if (known) return known
    const made = { entries: new EntryColumns(), bytes: 0, lastSequence: 0n, trimmedThrough: 0n }
    const idle = this.#keys.size < this.#keysMax ? undefined : this.#idleKey()
    if (idle !== undefined) this.#keys.delete(idle)
    this.#keys.set(name, made)
    return made
  }

  #idleKey(): string | undefined {
    for (const [name, { entries }] of this.#keys) if (entries.length === 0) return name
    return undefined
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

function stateOf(key: string, ledger: KeyLedger): KeyState {
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
}
