/**
 * The header of an Arrow IPC message as plain values.
 *
 * Promises: what is returned was read within bounds, and every length and offset is an integer in
 * 0..2^53; a null count may also be -1, which is how writers say that they did not count. Does not know whether they fit the schema or the body; the verifier does.
 */
import { ServiceError } from '../errors.ts'
import { rootTable, type Table } from './flatbuffer.ts'

/** An Arrow IPC message without its stream framing, as Flight carries it. */
export interface ArrowMessage {
  /** The flatbuffer `Message`. */
  readonly metadata: Uint8Array
  readonly body: Uint8Array
}

export type Codec = 'lz4' | 'zstd'

export interface BatchHeader {
  readonly rows: number
  /** Length and null count of each field node, alternating. */
  readonly nodes: Float64Array
  /** Offset and length of each buffer, alternating. */
  readonly buffers: Float64Array
  /** Data buffers of each view column, in order. */
  readonly variadicCounts: Float64Array
  readonly codec: Codec | undefined
}

interface Common {
  readonly bodyLength: number
  /** Message format V4 differs from V5 in the layout of unions only. */
  readonly version: 4 | 5
}

export type MessageHeader = Common &
  (
    | { readonly kind: 'schema'; readonly table: Table }
    | {
        readonly kind: 'dictionary'
        readonly id: bigint
        readonly isDelta: boolean
        readonly batch: BatchHeader
      }
    | { readonly kind: 'batch'; readonly batch: BatchHeader }
  )

const VERSIONS = new Map<number, 4 | 5>([
  [3, 4],
  [4, 5],
])
const SCHEMA = 1
const DICTIONARY = 2
const BATCH = 3

/** @throws ServiceError `invalid` for damaged metadata, old versions and tensors. */
export function readMessage(metadata: Uint8Array): MessageHeader {
  const message = rootTable(metadata, 'the message')
  const version = VERSIONS.get(message.int16(0))
  if (version === undefined) {
    throw invalid(
      `arrow metadata version ${message.int16(0) + 1} is not supported: write format V5 (or V4)`,
    )
  }
  const bodyLength = safeInteger(message.int64(3), 'the body length')
  const kind = message.uint8(1)
  const header = message.table(2, 'the message header')
  if (!header) throw invalid('the arrow message has no header')
  switch (kind) {
    case SCHEMA:
      return { kind: 'schema', version, bodyLength, table: header }
    case DICTIONARY: {
      const data = header.table(1, 'the dictionary batch')
      if (!data) throw invalid('the arrow dictionary message has no data')
      return {
        kind: 'dictionary',
        version,
        bodyLength,
        id: header.int64(0),
        isDelta: header.bool(2),
        batch: readBatch(data),
      }
    }
    case BATCH:
      return { kind: 'batch', version, bodyLength, batch: readBatch(header) }
    default:
      throw invalid(
        `arrow message of kind ${kind} is not supported: send schema, dictionary, batch`,
      )
  }
}

function readBatch(table: Table): BatchHeader {
  const nodes = table.int64s(1, 2, 'the list of field nodes')
  const buffers = table.int64s(2, 2, 'the list of buffers')
  const variadicCounts = table.int64s(4, 1, 'the list of view buffer counts')
  refuseNegative(nodes, 2, 'the length of a field node')
  refuseNegative(buffers, 1, 'the offset or length of a buffer')
  refuseNegative(variadicCounts, 1, 'a count of view buffers')
  return {
    rows: safeInteger(table.int64(0), 'the row count'),
    nodes,
    buffers,
    codec: readCodec(table.table(3, 'the body compression')),
    variadicCounts,
  }
}

function refuseNegative(values: Float64Array, step: number, what: string): void {
  for (let i = 0; i < values.length; i += step) {
    if ((values[i] as number) < 0) throw invalid(`${what} of the arrow message is ${values[i]}`)
  }
}

function readCodec(compression: Table | undefined): Codec | undefined {
  if (!compression) return undefined
  const method = compression.int8(1)
  const codec = compression.int8(0)
  if (method !== 0) throw invalid(`body compression method ${method} is not supported: use BUFFER`)
  if (codec === 0) return 'lz4'
  if (codec === 1) return 'zstd'
  throw invalid(`body compression codec ${codec} is not supported: use LZ4_FRAME or ZSTD`)
}

function safeInteger(value: bigint, what: string): number {
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw invalid(`${what} of the arrow message is ${value}`)
  }
  return Number(value)
}

function invalid(message: string): ServiceError {
  return new ServiceError('invalid', message)
}
