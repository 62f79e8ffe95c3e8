/** Bitmaps as Arrow keeps them: one bit a row, least significant bit first, from bit 0. */

export function bitmapBytes(length: number): number {
  return (length + 7) >> 3
}

export function clearedBitmap(length: number): Uint8Array {
  return new Uint8Array(bitmapBytes(length))
}

/** All of `length` bits set; bits beyond are zero. */
export function filledBitmap(length: number): Uint8Array {
  const bits = new Uint8Array(bitmapBytes(length)).fill(0xff)
  if (length & 7) bits[bits.length - 1] = (1 << (length & 7)) - 1
  return bits
}

export function isSet(bits: Uint8Array, index: number): boolean {
  return ((bits[index >> 3] as number) & (1 << (index & 7))) !== 0
}

export function setBit(bits: Uint8Array, index: number): void {
  bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7))
}

const ONES = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++
  return count
})

/** Set bits among the first `length`. */
export function countSet(bits: Uint8Array, length: number): number {
  const whole = length >> 3
  let count = 0
  for (let i = 0; i < whole; i++) count += ONES[bits[i] as number] as number
  if (length & 7) {
    count += ONES[(bits[whole] as number) & ((1 << (length & 7)) - 1)] as number
  }
  return count
}

/** `length` bits from bit `start`, as a bitmap of its own. */
export function sliceBits(bits: Uint8Array, start: number, length: number): Uint8Array {
  const first = start >> 3
  const shift = start & 7
  const bytes = bitmapBytes(length)
  if (shift === 0) return bits.subarray(first, first + bytes)
  const out = new Uint8Array(bytes)
  for (let i = 0; i < bytes; i++) {
    const low = bits[first + i] as number
    out[i] = (low >> shift) | ((bits[first + i + 1] ?? 0) << (8 - shift))
  }
  return out
}

/** Rows set in both; `undefined` stands for all of them. */
export function andBits(
  left: Uint8Array | undefined,
  right: Uint8Array | undefined,
): Uint8Array | undefined {
  if (left === undefined) return right
  if (right === undefined) return left
  const out = new Uint8Array(Math.min(left.length, right.length))
  for (let i = 0; i < out.length; i++) out[i] = (left[i] as number) & (right[i] as number)
  return out
}

/** Is there a row that `inner` lacks and `outer` has? `undefined` stands for all rows. */
export function hasUnmasked(
  inner: Uint8Array,
  outer: Uint8Array | undefined,
  length: number,
): boolean {
  for (let row = 0; row < length; row++) {
    if (!isSet(inner, row) && (outer === undefined || isSet(outer, row))) return true
  }
  return false
}
