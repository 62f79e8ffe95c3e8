/**
 * Texts and bytes as numbers that are ordered as they are, by unsigned bytes.
 *
 * What is in order already, or repeats, is ranked without a sort. The others are sorted by eight
 * bytes at a time, and only where those are equal by the next eight.
 */
import { isSet } from './bits.ts'
import type { ByteColumn } from './column.ts'
import { createNumbering } from './numbering.ts'
import { sortRows } from './radix.ts'
import { takeColumn } from './take.ts'

/** Equal values have equal ranks. The rank of null rows means nothing. */
export function rankBytes(column: ByteColumn): Uint32Array {
  const rows = presentRows(column)
  return isOrdered(column, rows)
    ? ranksInOrder(column, rows)
    : (ranksOfFew(column, rows) ?? ranksInOrder(column, sortedRows(column, rows)))
}

function presentRows({ length, validity }: ByteColumn): Int32Array {
  const rows = new Int32Array(length)
  let count = 0
  for (let row = 0; row < length; row++) {
    if (validity === undefined || isSet(validity, row)) rows[count++] = row
  }
  return rows.subarray(0, count)
}

function isOrdered(column: ByteColumn, rows: Int32Array): boolean {
  for (let i = 1; i < rows.length; i++) {
    if (compareRows(column, rows[i - 1] as number, rows[i] as number) > 0) return false
  }
  return true
}

function ranksInOrder(column: ByteColumn, sorted: Int32Array): Uint32Array {
  const ranks = new Uint32Array(column.length)
  let rank = 0
  for (let i = 0; i < sorted.length; i++) {
    const row = sorted[i] as number
    if (i > 0 && compareRows(column, sorted[i - 1] as number, row) !== 0) rank += 1
    ranks[row] = rank
  }
  return ranks
}

/** Rows looked at, and the most distinct values among them, before all rows are numbered. */
const SAMPLE_ROWS = 1_024
const SAMPLE_DISTINCT_MAX = 256
const DISTINCT_SHARE_MAX = 0.1

/** Few distinct values are numbered first, and only they are sorted. */
function ranksOfFew(column: ByteColumn, rows: Int32Array): Uint32Array | undefined {
  const stride = Math.max(1, Math.floor(rows.length / SAMPLE_ROWS))
  const sample = rows.filter((_, i) => i % stride === 0)
  const { firsts } = createNumbering().add(takeColumn(column, sample))
  if (firsts.length > SAMPLE_DISTINCT_MAX) return undefined
  const distinct = createNumbering().add({ ...column, nullCount: 0, validity: undefined })
  if (distinct.firsts.length > Math.max(SAMPLE_ROWS, rows.length * DISTINCT_SHARE_MAX)) {
    return undefined
  }
  const order = Int32Array.from(distinct.firsts, (_, number) => number).sort((a, b) =>
    compareRows(column, distinct.firsts[a] as number, distinct.firsts[b] as number),
  )
  const rankOf = new Uint32Array(order.length)
  order.forEach((number, rank) => {
    rankOf[number] = rank
  })
  return Uint32Array.from(distinct.numbers, (number) => rankOf[number] as number)
}

/** Rows compared one with another rather than by their digits. */
const SMALL_SEGMENT = 48
const STEP_BYTES = 8

interface Segment {
  readonly start: number
  readonly end: number
  /** Bytes that all of its values share. */
  readonly depth: number
}

function sortedRows(column: ByteColumn, rows: Int32Array): Int32Array {
  const sorted = rows.slice()
  const open: Segment[] = [{ start: 0, end: rows.length, depth: 0 }]
  for (let segment = open.pop(); segment; segment = open.pop()) {
    const own = sorted.subarray(segment.start, segment.end)
    if (own.length <= SMALL_SEGMENT) own.sort((a, b) => compareRows(column, a, b))
    else open.push(...sortSegment(column, own, segment))
  }
  return sorted
}

/** Sorts by the next bytes; gives back the ranges that these do not tell apart. */
function sortSegment(column: ByteColumn, rows: Int32Array, { start, depth }: Segment): Segment[] {
  const from = depth + sharedBytes(column, rows, depth)
  const [first, second, rest] = nextBytes(column, rows, from)
  const order = sortRows([first, second, rest], rows.length)
  const before = rows.slice()
  order.forEach((at, i) => {
    rows[i] = before[at] as number
  })
  const open: Segment[] = []
  let begin = 0
  for (let i = 1; i <= order.length; i++) {
    const a = order[i - 1] as number
    const b = order[i] as number
    if (i < order.length && first[a] === first[b] && second[a] === second[b] && rest[a] === rest[b])
      continue
    const goesOn = (rest[a] as number) > STEP_BYTES
    if (goesOn && i - begin > 1) {
      open.push({ start: start + begin, end: start + i, depth: from + STEP_BYTES })
    }
    begin = i
  }
  return open
}

/** Eight bytes of each row as two words, and how many bytes it has, up to nine. */
function nextBytes({ offsets, values }: ByteColumn, rows: Int32Array, from: number) {
  const first = new Uint32Array(rows.length)
  const second = new Uint32Array(rows.length)
  const rest = new Uint32Array(rows.length)
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    const at = (offsets[row] as number) + from
    const end = offsets[row + 1] as number
    first[i] = wordAt(values, at, end)
    second[i] = wordAt(values, at + 4, end)
    rest[i] = Math.min(end - at, STEP_BYTES + 1)
  }
  return [first, second, rest] as const
}

/** Big-endian; what is beyond the end is zero. */
function wordAt(values: Uint8Array, at: number, end: number): number {
  if (at + 4 <= end) {
    return (
      ((values[at] as number) << 24) |
      ((values[at + 1] as number) << 16) |
      ((values[at + 2] as number) << 8) |
      (values[at + 3] as number)
    )
  }
  let word = 0
  for (let k = 0; k < 4; k++) word = (word << 8) | (at + k < end ? (values[at + k] as number) : 0)
  return word
}

/** Bytes beyond `depth` that all rows share. */
function sharedBytes({ offsets, values }: ByteColumn, rows: Int32Array, depth: number): number {
  const row = rows[0] as number
  const at = (offsets[row] as number) + depth
  let shared = (offsets[row + 1] as number) - at
  for (let i = 1; i < rows.length && shared > 0; i++) {
    const other = rows[i] as number
    const start = (offsets[other] as number) + depth
    const most = Math.min(shared, (offsets[other + 1] as number) - start)
    let k = 0
    while (k < most && values[start + k] === values[at + k]) k++
    shared = k
  }
  return shared
}

function compareRows({ offsets, values }: ByteColumn, a: number, b: number): number {
  const [startA, startB] = [offsets[a] as number, offsets[b] as number]
  const lengthA = (offsets[a + 1] as number) - startA
  const lengthB = (offsets[b + 1] as number) - startB
  const shared = Math.min(lengthA, lengthB)
  for (let k = 0; k < shared; k++) {
    const difference = (values[startA + k] as number) - (values[startB + k] as number)
    if (difference !== 0) return difference
  }
  return lengthA - lengthB
}
