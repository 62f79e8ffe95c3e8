/**
 * The live entries of one key, in the order of their sequences: a queue in growing columns, 28
 * bytes for each. Pure memory.
 */

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
