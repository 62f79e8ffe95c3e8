/**
 * How the rows of a partition are divided among files.
 *
 * How many bytes rows take once encoded is known only afterwards, so a sample of them is encoded
 * first; files come out even rather than full with a small last one.
 */
import { columnBytes, type StructColumn } from '../arrow/kernels/column.ts'
import { sliceColumn } from '../arrow/kernels/take.ts'

/** Columns of one file, in memory: the writer needs about three times as much, of at most 4 GiB. */
export const FILE_COLUMN_BYTES_MAX = 768 * 1024 * 1024
const SAMPLE_BYTES_MIN = 1024 * 1024
/** The part of a file that is encoded twice. */
const SAMPLE_SHARE = 32

/** `ratio` gives encoded bytes per byte of columns; it is asked only when it matters. */
export function filesNeeded(
  batches: readonly StructColumn[],
  targetFileBytes: number,
  ratio: () => number,
): number {
  const bytes = totalBytes(batches)
  const least = Math.ceil(bytes / FILE_COLUMN_BYTES_MAX)
  if (bytes <= targetFileBytes) return Math.max(1, least)
  return Math.max(1, least, Math.round((bytes * ratio()) / targetFileBytes))
}

/** Rows enough to tell how well the others compress. */
export function sampleOf(batches: readonly StructColumn[], targetFileBytes: number): StructColumn {
  const wanted = Math.max(SAMPLE_BYTES_MIN, targetFileBytes / SAMPLE_SHARE)
  const batch = batches[batches.length >> 1] as StructColumn
  const rows = Math.ceil(batch.length * Math.min(1, wanted / Math.max(1, columnBytes(batch))))
  return sliceColumn(batch, 0, rows) as StructColumn
}

/** All rows in order, in at most `count` parts of about equal bytes. */
export function cutBatches(batches: readonly StructColumn[], count: number): StructColumn[][] {
  if (count <= 1) return [[...batches]]
  const share = totalBytes(batches) / count
  const parts: StructColumn[][] = [[]]
  let filled = 0
  for (const batch of batches) {
    const rowBytes = Math.max(1e-9, columnBytes(batch) / batch.length)
    let start = 0
    while (start < batch.length) {
      const isLast = parts.length === count
      const room = Math.max(1, Math.round((share - filled) / rowBytes))
      const end = isLast ? batch.length : Math.min(batch.length, start + room)
      parts.at(-1)?.push(sliceColumn(batch, start, end) as StructColumn)
      filled += (end - start) * rowBytes
      start = end
      if (filled >= share * 0.999 && !isLast) {
        parts.push([])
        filled = 0
      }
    }
  }
  return parts.filter((part) => part.length > 0)
}

function totalBytes(batches: readonly StructColumn[]): number {
  return batches.reduce((sum, batch) => sum + columnBytes(batch), 0)
}
