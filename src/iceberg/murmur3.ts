/** Murmur3, 32 bit, x86, seed 0: the hash behind `bucket[N]` (Iceberg spec, Appendix B). */

/** A signed 32-bit integer. */
export function murmur3(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const wholeBytes = bytes.length & ~3
  let hash = 0
  for (let i = 0; i < wholeBytes; i += 4) {
    hash ^= scramble(view.getInt32(i, true))
    hash = (Math.imul(rotate(hash, 13), 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let i = bytes.length - 1; i >= wholeBytes; i -= 1) tail = (tail << 8) | bytes[i]!
  if (wholeBytes < bytes.length) hash ^= scramble(tail)
  return avalanche(hash ^ bytes.length)
}

function scramble(block: number): number {
  return Math.imul(rotate(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593)
}

function avalanche(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}
