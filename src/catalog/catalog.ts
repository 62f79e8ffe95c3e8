/**
 * The port to the catalog, in the vocabulary of the Iceberg REST specification.
 *
 * Contract, held by `test/contract/catalog.contract.ts`: of two commits that assert the same
 * state, at most one is `committed`; what was committed is durable and is what the next load
 * returns; int64 values survive exactly.
 */
import type { PartitionSpec, Schema, SortOrder, TableMetadata } from '../iceberg/types.ts'
import type { TableRequirement, TableUpdate } from '../iceberg/updates.ts'
import type { TableIdentifier } from '../names.ts'

export interface LoadedTable {
  readonly identifier: TableIdentifier
  readonly metadata: TableMetadata
  readonly metadataLocation: string
}

export interface CreateTableRequest {
  /** Field ids are assigned afresh: use the schema of the returned table. */
  readonly schema: Schema
  readonly partitionSpec?: PartitionSpec
  readonly sortOrder?: SortOrder
  readonly properties?: Readonly<Record<string, string>>
  /** Default: 2, which every engine reads and writes. */
  readonly formatVersion?: 2 | 3
}

export interface CommitRequest {
  readonly requirements: readonly TableRequirement[]
  readonly updates: readonly TableUpdate[]
}

/** What is known after a commit call. Only a fresh load decides what to do after `unknown`. */
export type CommitOutcome =
  | { readonly kind: 'committed'; readonly table: LoadedTable }
  /**
   * It did not happen and never will, and it may once restaged on fresh metadata: someone else was
   * first, or (with a `cause`) something failed before anyone could have seen the commit.
   */
  | { readonly kind: 'conflict'; readonly reason: string; readonly cause?: unknown }
  /** It may or may not have happened, or may still happen. Keep every file. */
  | { readonly kind: 'unknown'; readonly cause: unknown }
  /** It can never work as it is. */
  | { readonly kind: 'rejected'; readonly reason: string }

export interface Catalog {
  listNamespaces(tenant: string): Promise<(readonly string[])[]>
  /** Resolves also when it exists. */
  createNamespace(tenant: string, namespace: readonly string[]): Promise<void>
  listTables(tenant: string, namespace: readonly string[]): Promise<TableIdentifier[]>
  /** Always fresh, never cached. @throws ServiceError `not-found`, `unavailable`. */
  loadTable(identifier: TableIdentifier): Promise<LoadedTable>
  /** Makes the namespace too. @throws ServiceError `already-exists`, `invalid`, `unavailable`. */
  createTable(identifier: TableIdentifier, request: CreateTableRequest): Promise<LoadedTable>
  /** Never throws for what the four outcomes can say. */
  commitTable(identifier: TableIdentifier, request: CommitRequest): Promise<CommitOutcome>
  /** Removes the entry; files stay. @throws ServiceError `not-found`. */
  dropTable(identifier: TableIdentifier): Promise<void>
  close(): Promise<void>
}
