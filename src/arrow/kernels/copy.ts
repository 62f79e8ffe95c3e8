/** Many short copies between two buffers. */

/** Most bytes or elements that 32-bit offsets reach. */
export const OFFSET_MAX = 2 ** 31 - 1

const UNIT_BYTES = 4
/** What a target needs beyond its end: the last unit may write there. */
export const SLACK_BYTES = UNIT_BYTES
/** From here on a call beats a loop. */
const LONG_COPY_BYTES = 96

export interface Copier {
  readonly target: Uint8Array
  /** `source[start, …)` to `target[at, end)`, and up to three bytes beyond: copy from low to high. */
  bytes(start: number, at: number, end: number): void
}

export function copier(source: Uint8Array, target: Uint8Array): Copier {
  const input = new DataView(source.buffer, source.byteOffset, source.byteLength)
  const output = new DataView(target.buffer)
  return {
    target,
    bytes: (start, at, end) => {
      const size = end - at
      if (size >= LONG_COPY_BYTES || start + size + UNIT_BYTES > source.length) {
        target.set(source.subarray(start, start + size), at)
        return
      }
      for (let k = 0; k < size; k += UNIT_BYTES) {
        output.setInt32(at + k, input.getInt32(start + k, true), true)
      }
    },
  }
}
