/** Pure: which bytes of an object a `get` means. One rule for every store. */
import { ServiceError } from '../errors.ts'

export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * The whole object without a range. A range must lie inside the object: fewer bytes than were
 * asked for would look like a whole answer. @throws ServiceError `invalid`.
 */
export function checkRange(location: string, bytes: number, range?: ByteRange): ByteRange {
  const { start, end } = range ?? { start: 0, end: bytes }
  if (Number.isSafeInteger(start) && start >= 0 && start <= end && end <= bytes) {
    return { start, end }
  }
  throw new ServiceError('invalid', `range [${start}, ${end}) is not in the ${bytes} bytes`, {
    context: { location },
  })
}
