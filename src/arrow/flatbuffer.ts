/**
 * A verifying flatbuffer reader: tables, vtables, vectors, structs and strings.
 *
 * Promises: no access outside the buffer or off its alignment, and no more work than a fixed
 * multiple of the buffer's size, whatever the bytes say. Shared and cyclic offsets are legal
 * flatbuffers, so it is the budget of visits and text that bounds them, not the structure.
 * Does not know: Arrow. Messages of the errors name the place that the caller was reading.
 */
import { isUtf8 } from 'node:buffer'
import { ServiceError } from '../errors.ts'

const OFFSET_BYTES = 4
const SLOT_BYTES = 2
const VTABLE_HEADER_BYTES = 4
/** Text may be shared between tables: this many times the buffer's size is read at most. */
const TEXT_FACTOR = 16
const BUDGET_BASE = 65_536

const decoder = new TextDecoder('utf-8', { fatal: true })

/** Where elements of a vector begin and how many there are; bounds are checked. */
export interface Vector {
  readonly start: number
  readonly length: number
}

interface Source {
  readonly bytes: Uint8Array
  readonly view: DataView
  visits: number
  text: number
}

/** @throws ServiceError `invalid` when there is no root table. */
export function rootTable(bytes: Uint8Array, what: string): Table {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const source = {
    bytes,
    view,
    visits: bytes.length + BUDGET_BASE,
    text: bytes.length * TEXT_FACTOR + BUDGET_BASE,
  }
  if (bytes.length < OFFSET_BYTES) throw broken(what, `${bytes.length} bytes are too few`)
  return new Table(source, view.getUint32(0, true), what)
}

/** One table. Each getter verifies what it returns; absent fields give the default. */
export class Table {
  readonly #source: Source
  readonly #start: number
  readonly #vtable: number
  readonly #slots: number
  readonly #size: number
  readonly what: string

  constructor(source: Source, start: number, what: string) {
    this.#source = source
    this.#start = start
    this.what = what
    spend(source, what)
    const { view } = source
    requireRange(source, { start, size: 4, align: 4 }, what)
    this.#vtable = start - view.getInt32(start, true)
    requireRange(source, { start: this.#vtable, size: VTABLE_HEADER_BYTES, align: 2 }, what)
    const vtableBytes = view.getUint16(this.#vtable, true)
    this.#size = view.getUint16(this.#vtable + SLOT_BYTES, true)
    if (vtableBytes < VTABLE_HEADER_BYTES || vtableBytes % SLOT_BYTES !== 0 || this.#size < 4) {
      throw broken(what, 'a table with an impossible vtable')
    }
    requireRange(source, { start: this.#vtable, size: vtableBytes, align: 2 }, what)
    requireRange(source, { start, size: this.#size, align: 4 }, what)
    this.#slots = (vtableBytes - VTABLE_HEADER_BYTES) / SLOT_BYTES
  }

  bool(slot: number): boolean {
    return this.uint8(slot) !== 0
  }

  uint8(slot: number): number {
    const at = this.#field(slot, 1)
    return at === undefined ? 0 : this.#source.view.getUint8(at)
  }

  int8(slot: number): number {
    const at = this.#field(slot, 1)
    return at === undefined ? 0 : this.#source.view.getInt8(at)
  }

  int16(slot: number, absent = 0): number {
    const at = this.#field(slot, 2)
    return at === undefined ? absent : this.#source.view.getInt16(at, true)
  }

  int32(slot: number, absent = 0): number {
    const at = this.#field(slot, 4)
    return at === undefined ? absent : this.#source.view.getInt32(at, true)
  }

  int64(slot: number): bigint {
    const at = this.#field(slot, 8)
    return at === undefined ? 0n : this.#source.view.getBigInt64(at, true)
  }

  table(slot: number, what: string): Table | undefined {
    const at = this.#follow(slot)
    return at === undefined ? undefined : new Table(this.#source, at, what)
  }

  string(slot: number, what: string): string | undefined {
    const at = this.#follow(slot)
    if (at === undefined) return undefined
    const { start, length } = this.#vectorAt(at, 1, what)
    this.#source.text -= length
    if (this.#source.text < 0) throw broken(what, 'the same text repeated too often')
    const bytes = this.#source.bytes.subarray(start, start + length)
    if (!isUtf8(bytes)) throw broken(what, 'text that is not valid UTF-8')
    return decoder.decode(bytes)
  }

  /** Elements of `size` bytes lie inside the buffer, aligned to the smaller of `size` and 8. */
  vector(slot: number, size: number, what: string): Vector | undefined {
    const at = this.#follow(slot)
    return at === undefined ? undefined : this.#vectorAt(at, size, what)
  }

  /** The `index`-th table of a vector of tables. */
  tableIn(vector: Vector, index: number, what: string): Table {
    const at = vector.start + index * OFFSET_BYTES
    return new Table(this.#source, at + this.#source.view.getUint32(at, true), what)
  }

  /** A vector of int32. Its length is bounded by the buffer. */
  int32s(slot: number, what: string): number[] | undefined {
    const vector = this.vector(slot, 4, what)
    if (!vector) return undefined
    spend(this.#source, what, vector.length)
    const { view } = this.#source
    return Array.from({ length: vector.length }, (_, i) =>
      view.getInt32(vector.start + i * 4, true),
    )
  }

  /** A vector of `perElement` int64 each, flattened. All must be in -1..2^53. */
  int64s(slot: number, perElement: number, what: string): Float64Array {
    const vector = this.vector(slot, perElement * 8, what)
    if (!vector) return new Float64Array(0)
    const out = new Float64Array(vector.length * perElement)
    spend(this.#source, what, out.length)
    const { view } = this.#source
    for (let i = 0; i < out.length; i++) {
      const at = vector.start + i * 8
      const value = view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true)
      if (value < -1 || value > Number.MAX_SAFE_INTEGER) {
        throw broken(what, `${view.getBigInt64(at, true)}, which no length or offset can be`)
      }
      out[i] = value
    }
    return out
  }

  #field(slot: number, size: number): number | undefined {
    if (slot >= this.#slots) return undefined
    const { view } = this.#source
    const offset = view.getUint16(this.#vtable + VTABLE_HEADER_BYTES + slot * SLOT_BYTES, true)
    if (offset === 0) return undefined
    if (offset < 4 || offset + size > this.#size || (this.#start + offset) % size !== 0) {
      throw broken(this.what, `field ${slot} outside its table or off its alignment`)
    }
    return this.#start + offset
  }

  #follow(slot: number): number | undefined {
    const at = this.#field(slot, OFFSET_BYTES)
    return at === undefined ? undefined : at + this.#source.view.getUint32(at, true)
  }

  #vectorAt(at: number, size: number, what: string): Vector {
    spend(this.#source, what)
    requireRange(this.#source, { start: at, size: 4, align: 4 }, what)
    const length = this.#source.view.getUint32(at, true)
    const align = Math.min(size, 8)
    requireRange(this.#source, { start: at + 4, size: length * size, align }, what)
    return { start: at + 4, length }
  }
}

function requireRange(
  { bytes }: Source,
  range: { start: number; size: number; align: number },
  what: string,
): void {
  const { start, size, align } = range
  if (start < 0 || start + size > bytes.length) {
    throw broken(what, `bytes ${start} to ${start + size} of ${bytes.length}`)
  }
  // An empty vector has no element that could be misaligned.
  if (size > 0 && start % align !== 0) throw broken(what, `byte ${start} off its alignment`)
}

function spend(source: Source, what: string, visits = 1): void {
  source.visits -= visits
  if (source.visits < 0) throw broken(what, 'more references than its size allows')
}

function broken(what: string, found: string): ServiceError {
  return new ServiceError('invalid', `arrow metadata is damaged: ${what} has ${found}`)
}
