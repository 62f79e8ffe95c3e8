/** Files that `put` can send, told apart by their first bytes and read bit by bit. */
import { open } from 'node:fs/promises'
import { type EncodedBatch, readIpcFile } from '../client/index.ts'
import { ServiceError } from '../errors.ts'
import { type ParquetBatches, readParquetBatches } from '../parquet/read-batches.ts'

export interface InputFile {
  readonly path: string
  readonly size: number
  readonly format: 'arrow file' | 'arrow stream' | 'parquet'
}

type FileBatch = EncodedBatch | Batches<ParquetBatches['batches']>
type Batches<T> = T extends AsyncIterable<infer Batch> ? Batch : never

interface OpenFile {
  readonly batches: AsyncIterable<FileBatch>
  /** How much of it was read, from 0 to 1. */
  fraction(): number
}

const MAGIC_BYTES = 8

/** @throws ServiceError `not-found` or `invalid`: before anything was sent. */
export async function inputFile(path: string): Promise<InputFile> {
  const file = await open(path).catch((cause: unknown) => {
    throw new ServiceError('not-found', `cannot open ${path}: ${codeOf(cause)}`, { cause })
  })
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw new ServiceError('invalid', `${path} is not a file`)
    const { buffer } = await file.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, 0)
    return { path, size: stat.size, format: formatOf(path, buffer) }
  } finally {
    await file.close()
  }
}

/** How far the reading of several files has come. */
export interface Reading {
  /** Rows of each file that was begun, in the order of the files. */
  readonly rows: number[]
  /** Why it ended before the last file's end. */
  failure?: unknown
}

/** The batches of one file. @throws ServiceError `invalid` when it cannot be read. */
export async function* batchesOfFile(file: InputFile): AsyncGenerator<FileBatch> {
  yield* (await openFile(file)).batches
}

/**
 * The batches of all files in order; `onRead` hears how many bytes of them were read. A file that
 * cannot be read ends it without throwing, so that what came before is still delivered.
 */
export async function* batchesOf(
  files: readonly InputFile[],
  reading: Reading,
  onRead: (bytes: number) => void,
): AsyncGenerator<FileBatch> {
  let before = 0
  for (const [i, file] of files.entries()) {
    reading.rows[i] = 0
    try {
      const source = await openFile(file)
      for await (const batch of source.batches) {
        reading.rows[i] += 'numRows' in batch ? batch.numRows : batch.rows
        yield batch
        onRead(before + Math.min(1, source.fraction()) * file.size)
      }
    } catch (thrown) {
      reading.failure = thrown
      return
    }
    before += file.size
  }
}

async function openFile({ path, format }: InputFile): Promise<OpenFile> {
  if (format === 'parquet') return countRows(await readParquetBatches(path))
  return readIpcFile(path)
}

function countRows({ rows, batches }: ParquetBatches): OpenFile {
  let seen = 0
  async function* counted() {
    for await (const batch of batches) {
      seen += batch.numRows
      yield batch
    }
  }
  return { batches: counted(), fraction: () => seen / Math.max(1, rows) }
}

function formatOf(path: string, start: Buffer): InputFile['format'] {
  const text = start.toString('latin1')
  if (text.startsWith('ARROW1')) return 'arrow file'
  if (text.startsWith('PAR1')) return 'parquet'
  if (start.readInt32LE(0) === -1) return 'arrow stream'
  throw new ServiceError('invalid', `${path} is neither Arrow IPC (file or stream) nor Parquet`)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
