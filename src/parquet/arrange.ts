/**
 * Rows of batches grouped by partition and sorted.
 *
 * Promises: each row is in exactly one group; a group's rows are in the order of the sort keys, and
 * in log order where these are equal or not given; batches whose rows need not move are passed on
 * untouched, the others are moved once, all together, however many groups they go to.
 */
import type { StructColumn } from '../arrow/kernels/column.ts'
import { isOrdered, sortRows } from '../arrow/kernels/radix.ts'
import { sliceColumn, takeFromAll } from '../arrow/kernels/take.ts'
import type { SortKeys } from './sort-keys.ts'
import type { RowNumbers } from './split.ts'

export interface NumberedBatch {
  /** Not empty. */
  readonly rows: StructColumn
  readonly partitions: RowNumbers
}

export interface RowGroup {
  readonly partition: number
  readonly batches: readonly StructColumn[]
}

/** One group for each partition, made when it is asked for. */
export function* arrange(
  batches: readonly NumberedBatch[],
  keys: SortKeys | undefined,
): Generator<RowGroup> {
  if (batches.some(({ partitions }) => typeof partitions === 'object')) {
    yield* movedRows(batches, keys)
    return
  }
  const whole = Map.groupBy(batches, ({ partitions }) => partitions as number)
  for (const [partition, own] of whole) {
    const rows = own.map((batch) => batch.rows)
    yield { partition, batches: keys ? sortedBatches(rows, keys) : rows }
  }
}

function sortedBatches(batches: readonly StructColumn[], keys: SortKeys): readonly StructColumn[] {
  const words = keys(batches)
  const length = batches.reduce((sum, batch) => sum + batch.length, 0)
  if (isOrdered(words, length)) return batches
  return [takeFromAll(batches, sortRows(words, length)) as StructColumn]
}

function* movedRows(
  batches: readonly NumberedBatch[],
  keys: SortKeys | undefined,
): Generator<RowGroup> {
  const rows = batches.map((batch) => batch.rows)
  const partitions = partitionOfRows(batches)
  const words = keys ? keys(rows) : []
  const order = sortRows([partitions, ...words], partitions.length)
  const moved = takeFromAll(rows, order) as StructColumn
  const partitionAt = (at: number) => partitions[order[at] as number] as number
  let start = 0
  for (let at = 1; at <= order.length; at++) {
    const partition = partitionAt(start)
    if (at < order.length && partitionAt(at) === partition) continue
    yield { partition, batches: [sliceColumn(moved, start, at) as StructColumn] }
    start = at
  }
}

function partitionOfRows(batches: readonly NumberedBatch[]): Uint32Array {
  const partitions = new Uint32Array(batches.reduce((sum, { rows }) => sum + rows.length, 0))
  let at = 0
  for (const { rows, partitions: own } of batches) {
    if (typeof own === 'number') partitions.fill(own, at, at + rows.length)
    else partitions.set(own, at)
    at += rows.length
  }
  return partitions
}
