/**
 * Encoded files to where the table keeps its data.
 *
 * Promises: a returned data file is durable under a name that says which part of which log it
 * holds; no object is ever replaced. Does not know: whether a snapshot will ever refer to the
 * files. Those that none refers to are left for the sweeper, never deleted here.
 */
import { ServiceError, toServiceError } from '../errors.ts'
import type { DataFile } from '../iceberg/types.ts'
import type { EncodedFile } from '../parquet/encoder.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { type DataFileName, dataFileLocation } from '../storage/paths.ts'

/** Tries of one object before the whole group is given back: encoding again is the larger retry. */
const PUT_ATTEMPTS_MAX = 3

/** @throws ServiceError `unavailable` when the store is; what was written then is an orphan. */
export async function writeDataFiles(
  store: ObjectStore,
  tableLocation: string,
  name: Omit<DataFileName, 'n'>,
  files: readonly EncodedFile[],
): Promise<DataFile[]> {
  const written: DataFile[] = []
  for (const [n, { bytes, ...file }] of files.entries()) {
    const filePath = dataFileLocation(tableLocation, { ...name, n })
    await putOnce(store, filePath, bytes)
    written.push({ ...file, filePath, fileSizeInBytes: BigInt(bytes.length) })
  }
  return written
}

/**
 * Resolves when the object is there with these bytes, whoever of our own tries put it there.
 *
 * @throws ServiceError `unavailable` after the last try; `internal` when the name holds other bytes.
 */
export async function putOnce(
  store: ObjectStore,
  location: string,
  bytes: Uint8Array,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await store.put(location, [bytes], { ifAbsent: true })
      return
    } catch (thrown) {
      const error = toServiceError(thrown)
      // After an answer that was lost, the name is taken by our own object.
      if (error.kind === 'already-exists') return expectBytes(store, location, bytes)
      if (error.kind !== 'unavailable' || attempt >= PUT_ATTEMPTS_MAX) throw error
    }
  }
}

async function expectBytes(store: ObjectStore, location: string, bytes: Uint8Array): Promise<void> {
  const stored = await store.get(location)
  if (Buffer.compare(stored, bytes) !== 0) {
    throw new ServiceError('internal', `${location} exists with other content`)
  }
}
