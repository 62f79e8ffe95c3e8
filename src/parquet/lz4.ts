/** The one place that LZ4 bodies are unpacked in this room. */
import type { Lz4Frame } from '../arrow/kernels/decompress.ts'

/** @throws RangeError always, until a decompressor is wired here. */
export const unpackLz4: Lz4Frame = () => {
  throw new RangeError('bodies compressed with lz4 cannot be read')
}
