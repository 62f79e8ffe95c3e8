/**
 * The inner port of the catalogs that keep metadata files themselves: which file is a table's
 * current one. All the rest (reading, checking, writing, deleting) is the same for each of them.
 *
 * Promises of an implementation: what `insert`, `swap` and `remove` resolved with is durable, and
 * of two swaps from the same file at most one resolves with true. Each method throws ServiceError
 * `overloaded`, `closed` or `corrupt` only when it changed nothing; after any other error it is
 * not known whether it did.
 */
import { ServiceError } from '../errors.ts'
import type { TableIdentifier } from '../names.ts'

export interface Pointers {
  namespaces(tenant: string): Promise<(readonly string[])[]>
  addNamespace(tenant: string, namespace: readonly string[]): Promise<void>
  /** Names of the tables of exactly this namespace, sorted. */
  tables(tenant: string, namespace: readonly string[]): Promise<string[]>
  /** Location of the current metadata file; undefined when there is no such table. */
  read(identifier: TableIdentifier): Promise<string | undefined>
  /** Makes the namespace too. False when the name is taken. */
  insert(identifier: TableIdentifier, location: string): Promise<boolean>
  /** False when the table does not point at `from`, or is gone. */
  swap(identifier: TableIdentifier, from: string, to: string): Promise<boolean>
  /** False when there was no such table. */
  remove(identifier: TableIdentifier): Promise<boolean>
  close(): Promise<void>
}

/** True when the error proves that nothing was changed. */
export function changedNothing(error: unknown): boolean {
  if (!(error instanceof ServiceError)) return false
  return error.kind === 'overloaded' || error.kind === 'closed' || error.kind === 'corrupt'
}
