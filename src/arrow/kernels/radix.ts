/**
 * Rows in the order of keys that are unsigned 32-bit words, most significant word first.
 *
 * Promises: stable; costs no comparison: a few passes over each word's bits that differ at all.
 */

/** Counters of a pass: so few that they and what they point at stay in the cache. */
const DIGIT_BITS_MAX = 11
const DIGIT_BITS_MIN = 4

/** The rows from the least to the greatest. */
export function sortRows(words: readonly Uint32Array[], length: number): Int32Array {
  let rows: Int32Array = new Int32Array(length)
  for (let row = 0; row < length; row++) rows[row] = row
  let spare: Int32Array = new Int32Array(length)
  // From the least significant word on, each stable pass keeps what those before it ordered.
  for (const word of [...words].reverse()) {
    const { least, bits } = rangeOf(word, length)
    if (bits === 0) continue
    const passes = Math.ceil(bits / digitBitsFor(length))
    const digitBits = Math.ceil(bits / passes)
    for (let shift = 0; shift < bits; shift += digitBits) {
      pass(word, { rows, out: spare, least, shift, digitBits })
      ;[rows, spare] = [spare, rows]
    }
  }
  return rows
}

/** Are rows in order as they are? */
export function isOrdered(words: readonly Uint32Array[], length: number): boolean {
  for (let row = 1; row < length; row++) {
    for (const word of words) {
      const [before, own] = [word[row - 1] as number, word[row] as number]
      if (before < own) break
      if (before > own) return false
    }
  }
  return true
}

interface Pass {
  readonly rows: Int32Array
  readonly out: Int32Array
  readonly least: number
  readonly shift: number
  readonly digitBits: number
}

function pass(word: Uint32Array, { rows, out, least, shift, digitBits }: Pass): void {
  const { length } = rows
  const mask = (1 << digitBits) - 1
  const ends = new Int32Array(mask + 2)
  for (let row = 0; row < length; row++) {
    const digit = (((word[row] as number) - least) >>> shift) & mask
    ends[digit + 1] = (ends[digit + 1] as number) + 1
  }
  for (let digit = 1; digit <= mask; digit++) {
    ends[digit] = (ends[digit] as number) + (ends[digit - 1] as number)
  }
  for (let i = 0; i < length; i++) {
    const row = rows[i] as number
    const digit = (((word[row] as number) - least) >>> shift) & mask
    const at = ends[digit] as number
    out[at] = row
    ends[digit] = at + 1
  }
}

function rangeOf(word: Uint32Array, length: number) {
  let least = length > 0 ? (word[0] as number) : 0
  let greatest = least
  for (let row = 1; row < length; row++) {
    const value = word[row] as number
    if (value < least) least = value
    else if (value > greatest) greatest = value
  }
  return { least, bits: 32 - Math.clz32(greatest - least) }
}

function digitBitsFor(length: number): number {
  const bits = 32 - Math.clz32(length)
  return Math.min(DIGIT_BITS_MAX, Math.max(DIGIT_BITS_MIN, bits))
}
