/**
 * Murmur3 (32 bit, x86, seed 0) over values where they lie: no value is copied or boxed.
 * `src/iceberg/murmur3.ts` is the plain definition that this must agree with.
 */

/** The hash of a 64-bit integer given as words. */
export function hashWords(low: number, high: number): number {
  return avalanche(mix(mix(0, low), high) ^ 8)
}

/** The hash of `bytes[start, end)`. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  const wholeEnd = start + ((end - start) & ~3)
  let hash = 0
  for (let i = start; i < wholeEnd; i += 4) {
    const block =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24)
    hash = mix(hash, block)
  }
  let tail = 0
  for (let i = end - 1; i >= wholeEnd; i--) tail = (tail << 8) | (bytes[i] as number)
  if (wholeEnd < end) hash ^= scramble(tail)
  return avalanche(hash ^ (end - start))
}

function mix(hash: number, block: number): number {
  const mixed = hash ^ scramble(block)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}

function scramble(block: number): number {
  const scaled = Math.imul(block, 0xcc9e2d51)
  return Math.imul((scaled << 15) | (scaled >>> 17), 0x1b873593)
}

function avalanche(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
