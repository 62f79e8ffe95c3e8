/**
 * Arrow IPC files and streams on disk as record batches, one at a time.
 *
 * Promises: memory is bounded by a batch and the dictionaries, not by the file.
 * Does not know: where the batches go.
 */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { type RecordBatch, RecordBatchReader } from 'apache-arrow'
import { ServiceError } from '../errors.ts'

export interface IpcBatches {
  readonly batches: AsyncIterable<RecordBatch>
  /** How much of the file was read, from 0 to 1. */
  fraction(): number
}

/** The format with a footer (`.arrow`, `.feather`). */
export function readIpcFile(path: string): IpcBatches {
  const seen = { batches: 0, total: 1 }
  async function* batches(): AsyncGenerator<RecordBatch> {
    const file = await open(path)
    try {
      const reader = await RecordBatchReader.from(file)
      await reader.open()
      if (reader.isFile()) seen.total = Math.max(1, reader.numRecordBatches)
      for await (const batch of reader) {
        seen.batches += 1
        yield batch
      }
    } catch (thrown) {
      throw unreadable(path, thrown)
    } finally {
      // The reader may have closed it.
      await file.close().catch(() => {})
    }
  }
  return { batches: batches(), fraction: () => seen.batches / seen.total }
}

/** The format without a footer (`.arrows`). `size` in bytes. */
export function readIpcStream(path: string, size: number): IpcBatches {
  const stream = createReadStream(path)
  async function* batches(): AsyncGenerator<RecordBatch> {
    try {
      const reader = await RecordBatchReader.from(stream)
      for await (const batch of reader) yield batch
    } catch (thrown) {
      throw unreadable(path, thrown)
    } finally {
      stream.destroy()
    }
  }
  return { batches: batches(), fraction: () => stream.bytesRead / Math.max(1, size) }
}

function unreadable(path: string, cause: unknown): ServiceError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new ServiceError('invalid', `${path} cannot be read as Arrow: ${reason}`, { cause })
}
