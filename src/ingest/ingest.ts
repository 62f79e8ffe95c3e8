/**
 * The durable promise: validate → append → resolve when durable.
 */

import type { Wal } from '#wal'
import { openVerifier } from '../arrow/verifier.ts'
import { verifySchema } from '../arrow/verify-schema.ts'
import type { LoadedTable } from '../catalog/catalog.ts'
import { formatKey, type Message } from '../entry.ts'
import type { ServiceError } from '../errors.ts'
import type { TableIdentifier } from '../names.ts'
import { createTable } from './create-table.ts'
import { planStream, type StreamPlan } from './plan.ts'
import type { SortRequest } from './sort-request.ts'
import { LogStream } from './stream.ts'
import { type GateParts, openTable } from './table-gate.ts'

export type { StreamPlan } from './plan.ts'

/** What a client asks of a table that does not exist yet. */
export interface CreationRequest {
  readonly partitionBy?: readonly { readonly column: string; readonly transform: string }[]
  readonly sortBy?: readonly SortRequest[]
  /** Iceberg properties, and `format-version`. */
  readonly properties?: Readonly<Record<string, string>>
  /** Dotted paths of the fields that tell rows apart; they become required. */
  readonly identifierFields?: readonly string[]
}

/** What a client said about the stream before its first batch. */
export interface StreamRequest {
  readonly table: TableIdentifier
  /** The flatbuffer `Message` with the Arrow schema. */
  readonly schema: Uint8Array
  readonly isCreationAllowed: boolean
  /** For a table that this stream creates. */
  readonly create?: CreationRequest
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
  /**
   * Makes the table of the schema and what was asked besides; sends nothing.
   *
   * @throws ServiceError `already-exists`, `schema-mismatch`, `invalid`, `unavailable`.
   */
  createTable(request: StreamRequest): Promise<LoadedTable>
  /**
   * What opening the stream would do, column by column; does nothing. A refusal is an answer.
   *
   * @throws ServiceError `invalid` for a damaged schema, `unavailable`.
   */
  plan(request: StreamRequest): Promise<StreamPlan>
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
      const { tableUuid, nanoseconds, ...fields } = await openTable(gate, request, arrow)
      const verifier = openVerifier({ schema: arrow, limits: gate.config, nanoseconds })
      const key = formatKey({ table: request.table, tableUuid })
      return new LogStream({ wal, key, refusal, verifier, ...fields, request })
    },
    createTable: async (request) =>
      createTable(gate, request, verifySchema(request.schema, gate.config)),
    plan: async (request) => planStream(gate, request, verifySchema(request.schema, gate.config)),
  }
}
