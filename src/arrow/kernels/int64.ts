/**
 * Arithmetic over int64 columns as pairs of 32-bit words, low word first: a `bigint` for each row
 * would cost ten times as much. Every function is exact for all of int64.
 */

const WORD = 2 ** 32

/** A divisor as `odd * 2^shift`, so that a quotient of 2^63 by it needs no more than 53 bits. */
export interface Divisor {
  readonly shift: number
  readonly odd: number
}

export function divisorOf(divisor: number): Divisor {
  let shift = 0
  let odd = divisor
  while (odd % 2 === 0 && shift < 31) {
    odd /= 2
    shift += 1
  }
  return { shift, odd }
}

/** floor(value / divisor), for divisors of at least 2^10 when they are powers of two times odd. */
export function floorQuotient(low: number, high: number, { shift, odd }: Divisor): number {
  const shifted = high * 2 ** (32 - shift) + (low >>> shift)
  const quotient = Math.floor(shifted / odd)
  // The division rounds to the nearest, which may be one too many.
  const rest = shifted - quotient * odd
  if (rest < 0) return quotient - 1
  return rest >= odd ? quotient + 1 : quotient
}

/** value mod width, never negative; `width` is below 2^31. */
export function floorRemainder(low: number, high: number, width: number): number {
  let rest = ((high % width) + width) % width
  rest = (rest * 65_536 + (low >>> 16)) % width
  return (rest * 65_536 + (low & 0xffff)) % width
}

/** Writes floor(value / divisor) as words; the divisor is below 2^20. */
export function divideWords(source: Int32Array, at: number, divisor: number, out: Int32Array) {
  const high = source[at + 1] as number
  const quotient = Math.floor(high / divisor)
  const rest = high - quotient * divisor
  out[0] = Math.floor((rest * WORD + ((source[at] as number) >>> 0)) / divisor)
  out[1] = quotient
}
