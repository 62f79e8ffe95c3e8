/**
 * What a verifier remembers of a dictionary: how many values, which of them are null, and how large
 * each is. The values themselves are not kept.
 *
 * Promises: memory is a small multiple of the bytes that the dictionary's messages had.
 */
import { bitAt } from './bits.ts'

/** One dictionary message, already verified. */
export interface DictionaryPart {
  readonly count: number
  readonly bytes: number
  readonly nulls: number
  readonly validity: Uint8Array | undefined
  /** Bytes of each value; one number when all have the same. */
  readonly sizes: number | Float64Array
  /** Of nested dictionaries by id: how many values they must have for this one to be read. */
  readonly needs: ReadonlyMap<bigint, number>
  /** Nulls of the fields below the values, by their distance in depth-first order. */
  readonly nullsBelow: ReadonlyMap<number, number>
  /** For fields with a range: a byte per value, 1 where it is outside. */
  readonly outside: ReadonlyMap<number, Uint8Array>
}

export class DictionaryValues {
  count = 0
  bytes = 0
  nulls = 0
  readonly needs = new Map<bigint, number>()
  readonly nullsBelow = new Map<number, number>()
  #sizes: Float64Array = new Float64Array(0)
  #sizeOfAll: number | undefined
  /** A byte per value, only once there is a null. */
  #isNull: Uint8Array | undefined
  readonly #outside = new Map<number, Uint8Array>()

  constructor(part: DictionaryPart) {
    this.append(part)
  }

  append(part: DictionaryPart): void {
    const count = this.count + part.count
    this.#appendSizes(part, count)
    if (part.nulls > 0 || this.#isNull) this.#appendNulls(part, count)
    for (const [field, marks] of part.outside) {
      const known = this.#outside.get(field) ?? new Uint8Array(0)
      const all = grown(known, count, (length) => new Uint8Array(length))
      all.set(marks, this.count)
      this.#outside.set(field, all)
    }
    this.count = count
    this.bytes += part.bytes
    this.nulls += part.nulls
    for (const [id, needed] of part.needs) {
      this.needs.set(id, Math.max(needed, this.needs.get(id) ?? 0))
    }
    for (const [distance, nulls] of part.nullsBelow) {
      this.nullsBelow.set(distance, nulls + (this.nullsBelow.get(distance) ?? 0))
    }
  }

  sizeOf(i: number): number {
    return this.#sizeOfAll ?? (this.#sizes[i] as number)
  }

  isNull(i: number): boolean {
    return this.#isNull?.[i] === 1
  }

  /** Is the value outside the range that this field has? */
  isOutside(field: number, i: number): boolean {
    return this.#outside.get(field)?.[i] === 1
  }

  #appendSizes({ sizes, count: added }: DictionaryPart, count: number): void {
    if (typeof sizes === 'number') {
      this.#sizeOfAll = sizes
      return
    }
    this.#sizes = grown(this.#sizes, count, (length) => new Float64Array(length))
    this.#sizes.set(sizes.subarray(0, added), this.count)
  }

  #appendNulls({ count: added, nulls, validity }: DictionaryPart, count: number): void {
    const isNull = grown(
      this.#isNull ?? new Uint8Array(0),
      count,
      (length) => new Uint8Array(length),
    )
    if (nulls === added) isNull.fill(1, this.count, count)
    else if (validity) {
      for (let i = 0; i < added; i++) if (!bitAt(validity, i)) isNull[this.count + i] = 1
    }
    this.#isNull = isNull
  }
}

/** Doubles, so that many small deltas cost no more than one large. */
function grown<T extends Float64Array | Uint8Array>(
  array: T,
  length: number,
  create: (length: number) => T,
): T {
  if (array.length >= length) return array
  const larger = create(Math.max(length, array.length * 2))
  larger.set(array)
  return larger
}
