/** Compressed bodies of one job, together bounded: a few bytes may stand for very many. */
import { type Decompressed, decompress } from '../arrow/compression.ts'
import type { BatchHeader } from '../arrow/message.ts'
import { ServiceError } from '../errors.ts'

/** The batch as if it had never been compressed. */
export type Unpack = (batch: BatchHeader, body: Uint8Array) => Decompressed

/**
 * The result throws ServiceError `unavailable` once the job's bodies stand for more than
 * `bytesMax`: fewer entries at once may work; `invalid` for damaged bytes.
 */
export function boundedUnpack(bytesMax: number): Unpack {
  let left = bytesMax
  return (batch, body) => {
    try {
      const unpacked = decompress(batch, body, {
        bytesMax: left,
        setting: 'unpacked bytes of a job',
      })
      if (batch.codec !== undefined) left -= unpacked.body.length
      return unpacked
    } catch (cause) {
      if (!(cause instanceof ServiceError) || cause.kind !== 'too-large') throw cause
      const message = `entries unpack to more than ${bytesMax} bytes: encode fewer of them at once`
      throw new ServiceError('unavailable', message, { cause })
    }
  }
}
