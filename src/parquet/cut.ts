/**
 * How the rows of a partition are divided among files, and each file's among pieces.
 *
 * A piece is what the library encodes at a time, and is whole row groups. How many bytes rows take
 * once encoded is known only afterwards: what was encoded before says it of what comes, and where
 * nothing was, a sample. Files come out even rather than full with a small last one.
 */
import { columnBytes, type StructColumn } from '../arrow/kernels/column.ts'
import { sliceColumn } from '../arrow/kernels/take.ts'

/** Columns that wait to be arranged, in memory. */
export const WAITING_COLUMN_BYTES_MAX = 768 * 1024 * 1024
/** Columns of one piece, in memory: the library needs about three times as much, of 4 GiB. */
const PIECE_COLUMN_BYTES_MAX = 256 * 1024 * 1024
const SAMPLE_BYTES_MIN = 256 * 1024
/** The part of a file that is encoded twice. */
const SAMPLE_SHARE = 32
/** How much larger than wanted a file or a row group may be, rather than to leave a small rest. */
const TOLERANCE = 0.1

/** Rows enough to tell how well the others compress. */
export function sampleOf(batches: readonly StructColumn[], wantedBytes: number): StructColumn {
  const wanted = Math.max(SAMPLE_BYTES_MIN, wantedBytes / SAMPLE_SHARE)
  const batch = batches[batches.length >> 1] as StructColumn
  const rows = Math.ceil(batch.length * Math.min(1, wanted / Math.max(1, columnBytes(batch))))
  return sliceColumn(batch, 0, rows) as StructColumn
}

export interface FileGoals {
  readonly targetFileBytes: number
  readonly rowGroupBytesMax: number
}

/** Encoded bytes that a file should have, when the partition's rest is about `left`. */
export function fileGoal(left: number, { targetFileBytes }: FileGoals): number {
  return evenShare(left, targetFileBytes)
}

/** Bytes of columns for the next piece of a file that should have `left` more encoded bytes. */
export function pieceBytes(left: number, ratio: number, { rowGroupBytesMax }: FileGoals): number {
  return Math.min(PIECE_COLUMN_BYTES_MAX, evenShare(left, rowGroupBytesMax) / ratio)
}

/** Whether a file is as large as it should be: what is missing is not worth another row group. */
export function isFull(written: number, goal: number): boolean {
  return written >= goal * (1 - TOLERANCE)
}

function evenShare(total: number, max: number): number {
  return total / Math.max(1, Math.ceil(total / max - TOLERANCE))
}

/** Rows in their order, taken from the front. */
export class RowQueue {
  readonly #batches: readonly StructColumn[]
  #batch = 0
  #row = 0
  #bytesLeft: number

  constructor(batches: readonly StructColumn[]) {
    this.#batches = batches.filter((batch) => batch.length > 0)
    this.#bytesLeft = this.#batches.reduce((sum, batch) => sum + columnBytes(batch), 0)
  }

  /** Bytes of columns. */
  get bytesLeft(): number {
    return this.#bytesLeft
  }

  get isEmpty(): boolean {
    return this.#batch >= this.#batches.length
  }

  /** Rows of about so many bytes of columns; one at least. */
  take(bytes: number): StructColumn[] {
    const taken: StructColumn[] = []
    let room = bytes
    while (!this.isEmpty && (room > 0 || taken.length === 0)) {
      const batch = this.#batches[this.#batch] as StructColumn
      const rowBytes = Math.max(1e-9, columnBytes(batch) / batch.length)
      const rows = Math.max(1, Math.round(room / rowBytes))
      const end = Math.min(batch.length, this.#row + rows)
      taken.push(sliceColumn(batch, this.#row, end) as StructColumn)
      room -= (end - this.#row) * rowBytes
      // Less than half a row is no room for another.
      if (room < rowBytes / 2) room = 0
      this.#bytesLeft = Math.max(0, this.#bytesLeft - (end - this.#row) * rowBytes)
      this.#row = end < batch.length ? end : 0
      if (end === batch.length) this.#batch += 1
    }
    return taken
  }
}
