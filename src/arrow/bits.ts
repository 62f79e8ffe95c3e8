/**
 * Bitmaps as Arrow has them: bit i is bit `i & 7` of byte `i >> 3`; in a validity bitmap 1 is a
 * value and 0 is a null. Callers guarantee that a bitmap covers the slots they ask for.
 */

/** Set bits among the first `length`. */
export function countOnes(bitmap: Uint8Array, length: number): number {
  const whole = length >>> 3
  let ones = 0
  let i = 0
  // Four bytes at a time, whatever the alignment of the buffer is.
  for (; i + 4 <= whole; i += 4) {
    const word =
      (bitmap[i] as number) |
      ((bitmap[i + 1] as number) << 8) |
      ((bitmap[i + 2] as number) << 16) |
      ((bitmap[i + 3] as number) << 24)
    ones += word === -1 ? 32 : ones32(word)
  }
  for (; i < whole; i++) ones += ones32(bitmap[i] as number)
  const rest = length & 7
  return rest === 0 ? ones : ones + ones32((bitmap[whole] as number) & ((1 << rest) - 1))
}

function ones32(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

export function bitAt(bitmap: Uint8Array, i: number): boolean {
  return (((bitmap[i >>> 3] as number) >>> (i & 7)) & 1) === 1
}

/** A new bitmap of slots that are set in both; an absent one has all bits set. */
export function and(
  a: Uint8Array | undefined,
  b: Uint8Array | undefined,
  length: number,
): Uint8Array | undefined {
  if (!a || !b) return a ?? b
  const out = new Uint8Array((length + 7) >>> 3)
  for (let i = 0; i < out.length; i++) out[i] = (a[i] as number) & (b[i] as number)
  return out
}

/** Slots among the first `length` that are set in `a` (absent: all) and not in `b`. */
export function countOnlyFirst(a: Uint8Array | undefined, b: Uint8Array, length: number): number {
  if (!a) return length - countOnes(b, length)
  const out = new Uint8Array((length + 7) >>> 3)
  for (let i = 0; i < out.length; i++) out[i] = (a[i] as number) & ~(b[i] as number)
  return countOnes(out, length)
}

/** Sets bits `from` up to `to`. */
export function setRange(bitmap: Uint8Array, from: number, to: number): void {
  let i = from
  for (; i < to && (i & 7) !== 0; i++) setBit(bitmap, i)
  const wholeEnd = to & ~7
  if (i < wholeEnd) {
    bitmap.fill(0xff, i >>> 3, wholeEnd >>> 3)
    i = wholeEnd
  }
  for (; i < to; i++) setBit(bitmap, i)
}

export function setBit(bitmap: Uint8Array, i: number): void {
  bitmap[i >>> 3] = (bitmap[i >>> 3] as number) | (1 << (i & 7))
}
