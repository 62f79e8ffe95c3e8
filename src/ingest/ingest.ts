/**
 * The durable promise: validate → append → resolve when durable.
 */

import type { Wal } from '#wal'
import { openVerifier } from '../arrow/verifier.ts'
import { verifySchema } from '../arrow/verify-schema.ts'
import { formatKey, type Message } from '../entry.ts'
import type { ServiceError } from '../errors.ts'
import type { TableIdentifier } from '../names.ts'
import { LogStream } from './stream.ts'
import { type GateParts, openTable } from './table-gate.ts'

/** What a client said about the stream before its first batch. */
export interface StreamRequest {
  readonly table: TableIdentifier
  /** The flatbuffer `Message` with the Arrow schema. */
  readonly schema: Uint8Array
  readonly isCreationAllowed: boolean
  /** Iceberg properties and partition fields for a table that this stream creates. */
  readonly create?: {
    readonly partitionBy?: readonly { readonly column: string; readonly transform: string }[]
    readonly properties?: Readonly<Record<string, string>>
  }
  readonly producer?: { readonly id: string; readonly firstSequence: bigint | undefined }
}

/** What became durable for one record batch. */
export interface BatchAck {
  readonly logId: string
  readonly key: string
  readonly sequence: bigint
  readonly rows: number
  readonly isDuplicate: boolean
}

export interface IngestStream {
  /**
   * One IPC message after the schema. A dictionary resolves to undefined and is kept for the
   * batches after it. A record batch is validated and appended in the order of the calls; the
   * promise resolves when it is durable.
   *
   * @throws ServiceError `invalid` (hostile or broken bytes), `schema-mismatch` (null in a required
   * column), `out-of-sequence`, `overloaded`, `too-large`, `unavailable`: nothing of this message
   * is in the log, and the stream takes no further message.
   */
  message(message: Message, producerSequence?: bigint): Promise<BatchAck | undefined>
}

export interface Ingest {
  /**
   * Creates or evolves the table as the schema needs.
   *
   * @throws ServiceError `invalid`, `not-found`, `schema-mismatch`, `unavailable`, `closed`.
   */
  openStream(request: StreamRequest): Promise<IngestStream>
}

export interface IngestParts extends GateParts {
  readonly wal: Wal
  /** Why a key takes nothing more, although its stream is open. Asked before each append. */
  readonly refusal: (key: string) => ServiceError | undefined
}

export function createIngest({ wal, refusal, ...gate }: IngestParts): Ingest {
  return {
    openStream: async (request) => {
      const arrow = verifySchema(request.schema, gate.config)
      const verifier = openVerifier({ schema: arrow, limits: gate.config })
      const { tableUuid, fieldIds, required } = await openTable(gate, request, arrow)
      const key = formatKey({ table: request.table, tableUuid })
      return new LogStream({ wal, key, refusal, verifier, fieldIds, required, request })
    },
  }
}
