/**
 * Distinct values of columns as small numbers: 0, 1, 2 in the order in which they are first met.
 *
 * Promises: rows have the same number exactly when their values are the same, in all columns given
 * to one numbering. Floats are the same when their bits are, so that -0.0 is not 0.0, except that
 * every NaN is the same value. Null is a value of its own.
 */
import { isSet } from './bits.ts'
import { type ByteColumn, type Column, viewFloat32, viewFloat64, viewInt32 } from './column.ts'
import { hashBytes } from './murmur3.ts'

export interface Numbered {
  readonly numbers: Int32Array
  /** The row of each number that was not known before, in the order of the numbers. */
  readonly firsts: readonly number[]
}

export interface Numbering {
  /** Columns must be of one layout. */
  add(column: Column): Numbered
}

/** `isFloat`: values are floats of the column's width. */
export function createNumbering(isFloat = false): Numbering {
  let words: WordNumbering | undefined
  let bytes: ByteNumbering | undefined
  const nulls = { number: -1 }
  return {
    add: (column) => {
      if (column.kind === 'bytes') {
        bytes ??= new ByteNumbering()
        return numberRows(column, nulls, bytes.over(column))
      }
      const { values, count } = wordsOf(column, isFloat)
      words ??= new WordNumbering(count)
      return numberRows(column, nulls, words.over(values))
    },
  }
}

/** Rows of `count` words each. */
export function createWordNumbering(count: number): (rows: Int32Array) => Numbered {
  const words = new WordNumbering(count)
  return (rows) => {
    const column = { length: rows.length / count, validity: undefined }
    return numberRows(column, { number: -1 }, words.over(rows))
  }
}

interface Lookup {
  readonly size: () => number
  /** The value's number; it gets the next one if it has none. */
  readonly find: (row: number) => number
  readonly isSameAsBefore: (row: number) => boolean
  /** Takes a number for something that is no value. */
  readonly skip: () => number
}

function numberRows(
  { length, validity }: Pick<Column, 'length' | 'validity'>,
  nulls: { number: number },
  { size, find, isSameAsBefore, skip }: Lookup,
): Numbered {
  const numbers = new Int32Array(length)
  const firsts: number[] = []
  let known = size()
  let before = -1
  for (let row = 0; row < length; row++) {
    if (validity !== undefined && !isSet(validity, row)) {
      if (nulls.number < 0) nulls.number = skip()
      numbers[row] = nulls.number
      before = -1
    } else {
      if (before < 0 || !isSameAsBefore(row)) before = find(row)
      numbers[row] = before
    }
    if (size() > known) {
      known += 1
      firsts.push(row)
    }
  }
  return { numbers, firsts }
}

const SLOTS_MIN = 64
/** Slots for each number, at least. */
const SPARSENESS = 2

class WordNumbering {
  readonly #count: number
  #size = 0
  /** Number + 1, 0 for none. */
  #slots = new Int32Array(SLOTS_MIN)
  #keys: Int32Array

  constructor(count: number) {
    this.#count = count
    this.#keys = new Int32Array((SLOTS_MIN / SPARSENESS) * count)
  }

  over(words: Int32Array): Lookup {
    const count = this.#count
    return {
      size: () => this.#size,
      find: (row) => this.#find(words, row * count),
      isSameAsBefore: (row) => {
        for (let at = row * count, end = at + count; at < end; at++) {
          if (words[at] !== words[at - count]) return false
        }
        return true
      },
      skip: () => this.#append(),
    }
  }

  #find(words: Int32Array, at: number): number {
    const count = this.#count
    const mask = this.#slots.length - 1
    let slot = hashOf(words, at, count) & mask
    for (;;) {
      const number = (this.#slots[slot] as number) - 1
      if (number < 0) break
      let k = 0
      while (k < count && this.#keys[number * count + k] === words[at + k]) k++
      if (k === count) return number
      slot = (slot + 1) & mask
    }
    const number = this.#append()
    this.#keys.set(words.subarray(at, at + count), number * count)
    this.#place(number)
    return number
  }

  #append(): number {
    if ((this.#size + 1) * SPARSENESS > this.#slots.length) this.#grow()
    return this.#size++
  }

  #place(number: number): void {
    const mask = this.#slots.length - 1
    let slot = hashOf(this.#keys, number * this.#count, this.#count) & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = number + 1
  }

  #grow(): void {
    const placed = this.#slots.filter((number) => number !== 0)
    const keys = this.#keys
    this.#slots = new Int32Array(this.#slots.length * 2)
    this.#keys = new Int32Array(keys.length * 2)
    this.#keys.set(keys)
    for (const number of placed) this.#place(number - 1)
  }
}

function hashOf(words: Int32Array, at: number, count: number): number {
  let hash = 0
  for (let k = 0; k < count; k++) {
    hash = Math.imul(hash ^ (words[at + k] as number), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  return hash
}

class ByteNumbering {
  #size = 0
  #slots = new Int32Array(SLOTS_MIN)
  #hashes = new Int32Array(SLOTS_MIN / SPARSENESS)
  #ends = new Int32Array(SLOTS_MIN / SPARSENESS + 1)
  #bytes = new Uint8Array(1024)

  over({ offsets, values }: ByteColumn): Lookup {
    const start = (row: number) => offsets[row] as number
    return {
      size: () => this.#size,
      find: (row) => this.#find(values, start(row), start(row + 1)),
      isSameAsBefore: (row) => {
        const at = start(row)
        const length = start(row + 1) - at
        const before = start(row - 1)
        return at - before === length && isSameBytes(values, at, before, length)
      },
      skip: () => this.#append(0),
    }
  }

  #find(values: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(values, start, end)
    const length = end - start
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const number = (this.#slots[slot] as number) - 1
      if (number < 0) break
      if (this.#hashes[number] !== hash) continue
      const own = this.#ends[number] as number
      if ((this.#ends[number + 1] as number) - own !== length) continue
      let k = 0
      while (k < length && this.#bytes[own + k] === values[start + k]) k++
      if (k === length) return number
    }
    const number = this.#append(length)
    this.#bytes.set(values.subarray(start, end), this.#ends[number])
    this.#hashes[number] = hash
    this.#place(number)
    return number
  }

  /** Room for a value of `length` bytes. */
  #append(length: number): number {
    if ((this.#size + 1) * SPARSENESS > this.#slots.length) this.#grow()
    const end = (this.#ends[this.#size] as number) + length
    if (end > this.#bytes.length) {
      const bytes = this.#bytes
      this.#bytes = new Uint8Array(Math.max(end, bytes.length * 2))
      this.#bytes.set(bytes)
    }
    this.#ends[this.#size + 1] = end
    return this.#size++
  }

  #place(number: number): void {
    const mask = this.#slots.length - 1
    let slot = (this.#hashes[number] as number) & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = number + 1
  }

  #grow(): void {
    const { placed, hashes, ends } = {
      placed: this.#slots.filter((number) => number !== 0),
      hashes: this.#hashes,
      ends: this.#ends,
    }
    this.#slots = new Int32Array(this.#slots.length * 2)
    this.#hashes = new Int32Array(hashes.length * 2)
    this.#hashes.set(hashes)
    this.#ends = new Int32Array(hashes.length * 2 + 1)
    this.#ends.set(ends)
    for (const number of placed) this.#place(number - 1)
  }
}

function isSameBytes(values: Uint8Array, a: number, b: number, length: number): boolean {
  for (let k = 0; k < length; k++) if (values[a + k] !== values[b + k]) return false
  return true
}

/** A fixed-size column as whole words for each row. */
function wordsOf(column: Column, isFloat: boolean) {
  if (column.kind === 'bits') {
    const { values, length } = column
    return { count: 1, values: Int32Array.from({ length }, (_, row) => Number(isSet(values, row))) }
  }
  if (column.kind !== 'fixed') throw new RangeError('nested values are not numbered')
  const { width, length, values } = column
  if (isFloat) return { count: width >> 2, values: viewInt32(withOneNaN(values, width)) }
  if (width % 4 === 0) return { count: width >> 2, values: viewInt32(values) }
  const count = Math.ceil(width / 4)
  const padded = new Uint8Array(length * count * 4)
  for (let row = 0; row < length; row++) {
    for (let k = 0; k < width; k++) {
      padded[row * count * 4 + k] = values[row * width + k] as number
    }
  }
  return { count, values: viewInt32(padded) }
}

function withOneNaN(values: Uint8Array, width: number): Uint8Array {
  const floats = width === 4 ? viewFloat32(values) : viewFloat64(values)
  if (!floats.some((value) => value !== value)) return values
  const own = new Uint8Array(values)
  const nan = new Uint8Array(width)
  if (width === 4) viewFloat32(nan)[0] = NaN
  else viewFloat64(nan)[0] = NaN
  floats.forEach((value, row) => {
    if (value !== value) own.set(nan, row * width)
  })
  return own
}
