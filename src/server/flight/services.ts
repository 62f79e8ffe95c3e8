/**
 * What the Flight server needs of the rest of the house, handed over by the composition root.
 *
 * The server knows the log's promise (ingest) and the catalog's answers; flushing and waiting for
 * a commit are functions, so that it never sees who does them.
 */
import type { Catalog } from '../../catalog/catalog.ts'
import type { Schema } from '../../iceberg/types.ts'
import type { Ingest } from '../../ingest/ingest.ts'
import type { TableIdentifier } from '../../names.ts'

export interface FlightServices {
  readonly ingest: Ingest
  readonly catalog: Pick<Catalog, 'listNamespaces' | 'listTables' | 'loadTable'>
  /** The encapsulated IPC message of the Arrow schema that stands for an Iceberg schema. */
  schemaToIpc(schema: Schema, metadata?: Readonly<Record<string, string>>): Uint8Array
  /** Commits what waits, of one table or of all the tenant's; one result for each table. */
  flush(tenant: string, table: TableIdentifier | undefined): Promise<readonly FlushResult[]>
  /** Anything that JSON can say, its names in snake_case; bigints are written as integers. */
  status(tenant: string): unknown
  /** Resolves when a snapshot holds the entry, with that snapshot or a later one. */
  awaitCommitted(key: string, sequence: bigint): Promise<{ readonly snapshotId: bigint }>
}

export interface FlushResult {
  readonly table: TableIdentifier
  /** The snapshot that the flush made, if there was anything to commit. */
  readonly snapshotId?: bigint | undefined
  /** Why this table could not be committed; its entries stay in the log. */
  readonly error?: string | undefined
}
