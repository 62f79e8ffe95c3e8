/**
 * Table metadata as files of a store: written once under a name that was never used, read whole.
 * Does not know which of them is current.
 */
import { gunzipSync } from 'node:zlib'
import { ServiceError } from '../errors.ts'
import { formatTableMetadata, parseTableMetadata } from '../iceberg/metadata-json.ts'
import type { TableMetadata } from '../iceberg/types.ts'
import type { ObjectStore } from '../storage/object-store.ts'

/** Also of what a small compressed file may unfold to. */
const METADATA_BYTES_MAX = 512 * 1024 ** 2
const GZIP_MAGIC = [0x1f, 0x8b]

/**
 * @throws ServiceError `not-found` when the file is missing, `unavailable` when the store is,
 * `corrupt` when it holds no table metadata, `unsupported` when its format is newer than ours.
 */
export async function readMetadata(store: ObjectStore, location: string): Promise<TableMetadata> {
  const bytes = await store.get(location)
  try {
    return parseTableMetadata(new TextDecoder('utf-8', { fatal: true }).decode(unfold(bytes)))
  } catch (cause) {
    if (cause instanceof ServiceError && cause.kind === 'unsupported') throw cause
    const message = `${location} holds no readable table metadata: ${String(cause)}`
    throw new ServiceError('corrupt', message, { cause, context: { location } })
  }
}

/** Durable when it resolves. @throws ServiceError as {@link ObjectStore.put}. */
export async function writeMetadata(
  store: ObjectStore,
  location: string,
  metadata: TableMetadata,
): Promise<void> {
  const bytes = new TextEncoder().encode(formatTableMetadata(metadata))
  await store.put(location, [bytes], { ifAbsent: true })
}

/** Other writers may compress; the bytes say so more surely than the name. */
function unfold(bytes: Uint8Array): Uint8Array {
  const isGzip = GZIP_MAGIC.every((byte, i) => bytes[i] === byte)
  return isGzip ? gunzipSync(bytes, { maxOutputLength: METADATA_BYTES_MAX }) : bytes
}
