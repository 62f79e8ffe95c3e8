/**
 * The rows of a partition as files in pieces, each encoded by itself.
 *
 * Promises: the library never has more than one piece in its memory, however large the files; rows
 * stay in order. Learns over its life how much smaller columns get, and asks for a sample only
 * when it knows nothing and it matters. Does not know: Parquet, schemas.
 */
import { columnBytes, type StructColumn } from '../arrow/kernels/column.ts'
import { type FileGoals, fileGoal, isFull, pieceBytes, RowQueue, sampleOf } from './cut.ts'
import type { EncodeSettings } from './encoder.ts'

/** As other writers of Iceberg tables have it. */
const ROW_GROUP_BYTES_DEFAULT = 128 * 1024 * 1024

/** Of smaller pieces the footer is too large a part to tell anything. */
const LEARNING_BYTES_MIN = 64 * 1024

export interface FilePieces {
  readonly pieces: readonly Uint8Array[]
  readonly rows: readonly StructColumn[]
}

export interface PieceWriter {
  writeFiles(batches: readonly StructColumn[]): FilePieces[]
  /** Encoded bytes per byte of columns, in all that was written. */
  learnt(): { readonly encodedRatio?: number }
}

export function pieceWriter(
  settings: Pick<EncodeSettings, 'targetFileBytes' | 'rowGroupBytesMax' | 'encodedRatio'>,
  write: (part: readonly StructColumn[]) => Uint8Array,
): PieceWriter {
  const { targetFileBytes, rowGroupBytesMax = ROW_GROUP_BYTES_DEFAULT, encodedRatio } = settings
  const goals: FileGoals = { targetFileBytes, rowGroupBytesMax }
  let ratio = encodedRatio
  let columns = 0
  let encoded = 0

  const ratioFor = (batches: readonly StructColumn[], bytes: number): number => {
    if (ratio !== undefined) return ratio
    // Encoded, columns are hardly ever larger: then everything is one piece anyway.
    if (bytes <= Math.min(targetFileBytes, rowGroupBytesMax)) return 1
    const sample = sampleOf(batches, Math.min(targetFileBytes, rowGroupBytesMax))
    return Math.max(1e-6, write([sample]).length / Math.max(1, columnBytes(sample)))
  }

  const writePiece = (part: readonly StructColumn[]): Uint8Array => {
    const bytes = write(part)
    const size = part.reduce((sum, batch) => sum + columnBytes(batch), 0)
    if (size < LEARNING_BYTES_MIN) return bytes
    columns += size
    encoded += bytes.length
    ratio = encoded / columns
    return bytes
  }

  const writeFile = (queue: RowQueue, firstRatio: number): FilePieces => {
    const goal = fileGoal(queue.bytesLeft * (ratio ?? firstRatio), goals)
    const pieces: Uint8Array[] = []
    const rows: StructColumn[] = []
    let written = 0
    do {
      const wanted = pieceBytes(goal - written, ratio ?? firstRatio, goals)
      // The rest as a whole: a rounded share of it could leave a row behind.
      const isRest = wanted >= queue.bytesLeft * 0.999
      const part = queue.take(isRest ? Number.POSITIVE_INFINITY : wanted)
      const bytes = writePiece(part)
      pieces.push(bytes)
      rows.push(...part)
      written += bytes.length
    } while (!queue.isEmpty && !isFull(written, goal))
    return { pieces, rows }
  }

  return {
    writeFiles: (batches) => {
      const queue = new RowQueue(batches)
      const firstRatio = ratioFor(batches, queue.bytesLeft)
      const files: FilePieces[] = []
      while (!queue.isEmpty) files.push(writeFile(queue, firstRatio))
      return files
    },
    learnt: () => (ratio === undefined ? {} : { encodedRatio: ratio }),
  }
}
