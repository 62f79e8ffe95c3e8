/**
 * A Parquet file as Arrow record batches, read bit by bit: for sending a user's own files.
 *
 * Promises: memory is bounded by a row group and a batch, not by the file.
 * Does not know: tables, field ids. What the service writes is read by others.
 */
import { openAsBlob } from 'node:fs'
import { type RecordBatch, tableFromIPC } from 'apache-arrow'
import { ParquetFile, type RecordBatch as WasmRecordBatch } from 'parquet-wasm'
import { ServiceError } from '../errors.ts'

const BATCH_ROWS = 65_536

export interface ParquetBatches {
  readonly rows: number
  readonly batches: AsyncIterable<RecordBatch>
}

/** @throws ServiceError `invalid` when it is not a Parquet file that can be read. */
export async function readParquetBatches(path: string): Promise<ParquetBatches> {
  const blob = await openAsBlob(path)
  const file = await ParquetFile.fromFile(blob).catch((thrown: unknown) => {
    throw unreadable(path, thrown)
  })
  const metadata = file.metadata()
  const rows = metadata.fileMetadata().numRows()
  metadata.free()
  return { rows, batches: batchesOf(path, file) }
}

async function* batchesOf(path: string, file: ParquetFile): AsyncGenerator<RecordBatch> {
  try {
    const stream: ReadableStream<WasmRecordBatch> = await file.stream({ batchSize: BATCH_ROWS })
    for await (const batch of stream) {
      // Consumes the batch: its memory in the module is free after this.
      yield* tableFromIPC(batch.intoIPCStream()).batches
    }
  } catch (thrown) {
    throw thrown instanceof ServiceError ? thrown : unreadable(path, thrown)
  } finally {
    file.free()
  }
}

function unreadable(path: string, cause: unknown): ServiceError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new ServiceError('invalid', `${path} cannot be read as Parquet: ${reason}`, { cause })
}
