/**
 * The port to where table files live. Locations are URIs with a scheme (`file:///…`, `s3://…`).
 *
 * Contract, held by `test/contract/object-store.contract.ts`: a `put` that resolved is durable and
 * whole; a reader never sees part of an object; objects are never changed once written.
 */

export interface PutOptions {
  /** Refuse with `already-exists` instead of replacing. */
  readonly ifAbsent?: boolean
}

export interface ObjectInfo {
  readonly location: string
  readonly bytes: number
  readonly modifiedAt: number
}

export interface ObjectStore {
  /** @throws ServiceError `already-exists` with `ifAbsent`; `unavailable` when the outcome is not known. */
  put(location: string, parts: readonly Uint8Array[], options?: PutOptions): Promise<void>
  /** The whole object, or `[start, end)` of it. @throws ServiceError `not-found`. */
  get(
    location: string,
    range?: { readonly start: number; readonly end: number },
  ): Promise<Uint8Array>
  /** Undefined when there is no such object. */
  head(location: string): Promise<ObjectInfo | undefined>
  /** Every object whose location starts with the prefix, in no particular order. */
  list(prefix: string): AsyncIterable<ObjectInfo>
  /** Resolves also when there was nothing to delete. */
  delete(location: string): Promise<void>
}
