/**
 * Nulls as a table counts them: a slot is null only where everything around it is there. What a
 * null struct or a null list hides below itself is nobody's value and is not counted.
 *
 * Works on whole bitmaps; they are made only for columns that have nulls below them.
 */
import { and, bitAt, countOnes, countOnlyFirst, setRange } from './bits.ts'
import { type Column, isValid } from './column.ts'

/** Slots of a column that are somebody's value; absent means all. */
type Live = Uint8Array | undefined

/** Nulls of each field in depth-first order over the schema. */
export function countNulls(columns: readonly Column[], fieldCount: number): number[] {
  const counts = Array.from({ length: fieldCount }, () => 0)
  for (const column of columns) collect(column, undefined, counts)
  return counts
}

function collect(column: Column, live: Live, counts: number[]): void {
  const { layout, children, indices } = column
  counts[layout.index] = liveNulls(column, live)
  for (const [distance, nulls] of indices?.values.nullsBelow ?? []) {
    counts[layout.index + distance] = nulls
  }
  if (!children.some(hasNulls)) return
  const below = liveBelow(column, live)
  for (const child of children) collect(child, below, counts)
}

/**
 * The top-level row that holds the first null of the field at `index`; undefined when there is
 * none, or when it is inside a dictionary.
 */
export function firstNullRow(columns: readonly Column[], index: number): number | undefined {
  return firstRowWhere(columns, index, (column, slot) => !isValid(column, slot))
}

/** The row with the first list at `index` that has not this many elements; dictionaries as above. */
export function firstRowOfOtherLength(
  columns: readonly Column[],
  index: number,
  length: number,
): { readonly row: number; readonly length: number } | undefined {
  let found = length
  const row = firstRowWhere(columns, index, (column, slot) => {
    const { offsets, slices } = column
    if (!isValid(column, slot) || (!offsets && !slices)) return false
    found = slices
      ? (slices.sizes[slot] as number)
      : (offsets?.[slot + 1] as number) - (offsets?.[slot] as number)
    return found !== length
  })
  return row === undefined ? undefined : { row, length: found }
}

/** Of the slots that are somebody's value. */
function firstRowWhere(
  columns: readonly Column[],
  index: number,
  isWanted: (column: Column, slot: number) => boolean,
): number | undefined {
  const path = pathTo(columns, index)
  let live: Live
  for (const [depth, column] of path.entries()) {
    if (depth === path.length - 1) {
      const slot = firstLive(column, live, isWanted)
      return slot === undefined ? undefined : rowOf(path.slice(0, -1), slot)
    }
    live = liveBelow(column, live)
  }
  return undefined
}

function hasNulls(column: Column): boolean {
  return (
    column.nulls > 0 ||
    (column.indices?.values.nullsBelow.size ?? 0) > 0 ||
    column.children.some(hasNulls)
  )
}

function liveNulls({ nulls, length, layout, validity }: Column, live: Live): number {
  if (nulls === 0) return 0
  if (layout.type.kind === 'null') return live ? countOnes(live, length) : length
  return validity ? countOnlyFirst(live, validity, length) : 0
}

/** Which slots of the children belong to a live value of this column. */
function liveBelow(column: Column, live: Live): Live {
  const { layout, length, validity, offsets, slices, children } = column
  const own = and(live, validity, length)
  const childLength = children[0]?.length ?? 0
  const { type } = layout
  if (type.kind === 'struct') return own
  if (type.kind === 'fixed-size-list') {
    if (!own) return undefined
    return ranges(column, own, (i) => [i * type.size, (i + 1) * type.size])
  }
  if (slices) {
    const { starts, sizes } = slices
    return ranges(column, own, (i) => {
      const start = starts[i] as number
      return [start, start + (sizes[i] as number)]
    })
  }
  if (!offsets || (!own && offsets[0] === 0 && offsets[length] === childLength)) return undefined
  return ranges(column, own, (i) => [offsets[i] as number, offsets[i + 1] as number])
}

function ranges(column: Column, own: Live, range: (i: number) => [number, number]): Uint8Array {
  const out = new Uint8Array(Math.ceil((column.children[0] as Column).length / 8))
  for (let i = 0; i < column.length; i++) {
    if (own && !bitAt(own, i)) continue
    const [from, to] = range(i)
    setRange(out, from, to)
  }
  return out
}

function firstLive(
  column: Column,
  live: Live,
  isWanted: (column: Column, slot: number) => boolean,
): number | undefined {
  for (let i = 0; i < column.length; i++) {
    if ((!live || bitAt(live, i)) && isWanted(column, i)) return i
  }
  return undefined
}

function pathTo(columns: readonly Column[], index: number): Column[] {
  for (const column of columns) {
    if (column.layout.index === index) return [column]
    const below = pathTo(column.children, index)
    if (below.length > 0) return [column, ...below]
  }
  return []
}

/** From a slot of the innermost column outwards. */
function rowOf(ancestors: readonly Column[], slot: number): number {
  return ancestors.reduceRight((at, column) => ownerOf(column, at), slot)
}

function ownerOf(column: Column, slot: number): number {
  const { layout, length, offsets, slices } = column
  if (layout.type.kind === 'struct') return slot
  if (layout.type.kind === 'fixed-size-list') return Math.floor(slot / layout.type.size)
  for (let i = 0; i < length; i++) {
    const from = (slices ? slices.starts[i] : offsets?.[i]) as number
    const to = slices ? from + (slices.sizes[i] as number) : (offsets?.[i + 1] as number)
    if (slot >= from && slot < to && isValid(column, i)) return i
  }
  return 0
}
