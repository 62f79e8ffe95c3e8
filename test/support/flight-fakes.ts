/**
 * Stands in for everything behind the Flight server: an ingest whose appends settle when the test
 * says so, and a catalog that is a list of tables. Bytes are taken as they come.
 */
import type { LoadedTable } from '../../src/catalog/catalog.ts'
import type { Message } from '../../src/entry.ts'
import { ServiceError } from '../../src/errors.ts'
import type { Schema, TableMetadata } from '../../src/iceberg/types.ts'
import type { BatchAck, IngestStream, StreamPlan, StreamRequest } from '../../src/ingest/ingest.ts'
import { formatTable, type TableIdentifier, tableIdentifier } from '../../src/names.ts'
import { messageKind } from '../../src/server/flight/message-kind.ts'
import type { FlightServices } from '../../src/server/flight/services.ts'

export interface FakeAppend {
  readonly message: Message
  readonly producerSequence: bigint | undefined
  /** Makes it durable. */
  settle(ack?: Partial<BatchAck>): void
  fail(error: ServiceError): void
}

export class FakeServices implements FlightServices {
  readonly requests: StreamRequest[] = []
  readonly dictionaries: Message[] = []
  readonly appends: FakeAppend[] = []
  readonly flushes: { tenant: string; table: TableIdentifier | undefined }[] = []
  readonly awaited: { key: string; sequence: bigint }[] = []
  readonly tables: LoadedTable[] = []
  /** Durable at once, unless the test settles appends itself. */
  isHolding = false
  openError: ServiceError | undefined
  flushResults: Awaited<ReturnType<FlightServices['flush']>> = []
  statusValue: unknown = { entries: 2n ** 60n }
  committed: Promise<{ snapshotId: bigint }> = Promise.resolve({ snapshotId: 2n ** 60n + 1n })
  #sequence = 0n
  #waiters: (() => void)[] = []

  readonly ingest = {
    createTable: async (request: StreamRequest): Promise<LoadedTable> => {
      if (this.openError !== undefined) throw this.openError
      this.requests.push(request)
      return this.catalog.loadTable(request.table)
    },
    plan: async (request: StreamRequest): Promise<StreamPlan> => {
      if (this.openError !== undefined) throw this.openError
      this.requests.push(request)
      return {
        table: request.table,
        outcome: 'create',
        formatVersion: 2,
        policy: 'additive',
        schema: { type: 'struct', 'schema-id': 5, fields: [] },
        partitionSpec: undefined,
        changes: [],
        columns: [{ path: 'a', action: 'create', arrow: 'int64', iceberg: 'long', fieldId: 1 }],
        reason: undefined,
      }
    },

    openStream: async (request: StreamRequest): Promise<IngestStream> => {
      if (this.openError !== undefined) throw this.openError
      this.requests.push(request)
      this.#changed()
      return {
        message: async (message, sequence) => this.#message(request, message, sequence),
      }
    },
  }

  readonly catalog = {
    listNamespaces: async (tenant: string) => {
      const own = this.tables.filter(({ identifier }) => identifier.tenant === tenant)
      const names = new Set(own.map(({ identifier }) => identifier.namespace.join('.')))
      return [...names].map((name) => name.split('.'))
    },
    listTables: async (tenant: string, namespace: readonly string[]) =>
      this.tables
        .map(({ identifier }) => identifier)
        .filter((one) => one.tenant === tenant && one.namespace.join('.') === namespace.join('.')),
    loadTable: async (identifier: TableIdentifier) => {
      const table = this.tables.find(
        (one) =>
          one.identifier.tenant === identifier.tenant &&
          formatTable(one.identifier) === formatTable(identifier),
      )
      if (table === undefined) {
        throw new ServiceError('not-found', `no table ${formatTable(identifier)}`)
      }
      return table
    },
  }

  schemaToIpc(schema: Schema, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
    return Buffer.from(`ipc of schema ${schema['schema-id']}${Object.values(metadata).join()}`)
  }

  async flush(tenant: string, table: TableIdentifier | undefined) {
    this.flushes.push({ tenant, table })
    return this.flushResults
  }

  status(tenant: string): unknown {
    return { tenant, ...(this.statusValue as object) }
  }

  awaitCommitted(key: string, sequence: bigint) {
    this.awaited.push({ key, sequence })
    this.#changed()
    return this.committed
  }

  /** Resolves when the condition holds; looks again whenever something was called. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve)
      })
    }
  }

  async #message(
    request: StreamRequest,
    message: Message,
    producerSequence: bigint | undefined,
  ): Promise<BatchAck | undefined> {
    if (messageKind(message.metadata) === 'dictionary') {
      this.dictionaries.push(message)
      return undefined
    }
    this.#sequence += 1n
    const ack: BatchAck = {
      logId: 'LOG',
      key: formatTable(request.table),
      sequence: this.#sequence,
      rows: 10,
      isDuplicate: false,
    }
    const { promise, resolve, reject } = Promise.withResolvers<BatchAck>()
    this.appends.push({
      message,
      producerSequence,
      settle: (change) => resolve({ ...ack, ...change }),
      fail: reject,
    })
    if (!this.isHolding) resolve(ack)
    this.#changed()
    return promise
  }

  #changed(): void {
    for (const wake of this.#waiters.splice(0)) wake()
  }
}

/** As much of a table as listing looks at. */
export function fakeTable(tenant: string, name: string, records?: string): LoadedTable {
  const snapshot = {
    'snapshot-id': 2n ** 60n + 3n,
    summary: {
      operation: 'append',
      ...(records === undefined ? {} : { 'total-records': records }),
    },
  }
  const metadata = {
    'table-uuid': 'uuid-of-' + name,
    location: 'file:///' + name,
    schemas: [{ 'schema-id': 7, type: 'struct', fields: [] }],
    'current-schema-id': 7,
    'current-snapshot-id': records === undefined ? undefined : snapshot['snapshot-id'],
    snapshots: records === undefined ? [] : [snapshot],
  }
  return {
    identifier: tableIdentifier(tenant, ['sales'], name),
    metadata: metadata as unknown as TableMetadata,
    metadataLocation: `file:///${name}/metadata.json`,
  }
}
