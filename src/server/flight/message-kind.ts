/**
 * Pure: which kind of Arrow IPC message a data_header is, read without trusting it.
 *
 * Only the union tag of the flatbuffer `Message` is looked at; whether the rest holds together is
 * for the verifier behind ingest. Layout: u32 offset of the root table; there an i32 distance back
 * to the vtable (u16 own size, u16 table size, then u16 offsets by field; header_type is field 1).
 */
import { ServiceError } from '../../errors.ts'

export type MessageKind = 'schema' | 'dictionary' | 'batch' | 'end'

const HEADER_TYPE_ENTRY = 6
const KINDS = [undefined, 'schema', 'dictionary', 'batch'] as const
const EXPECTED = 'expected a schema, a dictionary batch or a record batch'

/** @throws ServiceError `invalid` for a header that is none of them. */
export function messageKind(header: Uint8Array): MessageKind {
  if (isEndOfStream(header)) return 'end'
  const kind = KINDS[readHeaderType(header)]
  if (kind === undefined) {
    throw new ServiceError('invalid', `the data_header is another kind of IPC message: ${EXPECTED}`)
  }
  return kind
}

/** Some writers send the marker that ends an IPC stream, though half-closing says it already. */
function isEndOfStream(header: Uint8Array): boolean {
  const rest = header.length === 8 && header.subarray(0, 4).every((byte) => byte === 0xff) ? 4 : 0
  return (
    (header.length === 8 || header.length === 4) &&
    header.subarray(rest).every((byte) => byte === 0)
  )
}

function readHeaderType(header: Uint8Array): number {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  try {
    const table = view.getUint32(0, true)
    const vtable = table - view.getInt32(table, true)
    if (view.getUint16(vtable, true) < HEADER_TYPE_ENTRY + 2) return 0
    const offset = view.getUint16(vtable + HEADER_TYPE_ENTRY, true)
    return offset === 0 ? 0 : view.getUint8(table + offset)
  } catch (cause) {
    // DataView refuses what is outside the header, so a hostile offset ends here.
    throw new ServiceError('invalid', `the data_header is not an IPC message: ${EXPECTED}`, {
      cause,
    })
  }
}
