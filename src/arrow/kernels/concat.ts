/** Columns of one layout, one after the other. */
import { bitmapBytes } from './bits.ts'
import type { Column } from './column.ts'

/** @throws RangeError when there are none or their layouts differ. */
export function concatColumns(columns: readonly Column[]): Column {
  const [first] = columns
  if (first === undefined) throw new RangeError('no columns to join')
  if (columns.length === 1) return first
  const length = columns.reduce((sum, column) => sum + column.length, 0)
  const nullCount = columns.reduce((sum, column) => sum + column.nullCount, 0)
  const validity = nullCount > 0 ? joinBits(columns, (column) => column.validity) : undefined
  const common = { length, nullCount, validity }
  switch (first.kind) {
    case 'bits': {
      const same = alike(columns, first)
      return { ...common, kind: 'bits', values: joinBits(same, (column) => column.values) }
    }
    case 'fixed': {
      const { width } = first
      const same = alike(columns, first)
      if (same.some((column) => column.width !== width)) throw differentLayouts()
      const values = same.map((column) => column.values.subarray(0, column.length * width))
      return { ...common, kind: 'fixed', width, values: joinBytes(values) }
    }
    case 'bytes': {
      const same = alike(columns, first)
      const values = same.map((column) => column.values.subarray(0, column.offsets[column.length]))
      return { ...common, kind: 'bytes', offsets: joinOffsets(same), values: joinBytes(values) }
    }
    case 'list': {
      const same = alike(columns, first)
      const child = concatColumns(same.map((column) => column.child))
      return { ...common, kind: 'list', offsets: joinOffsets(same), child }
    }
    default: {
      const same = alike(columns, first)
      if (same.some((column) => column.children.length !== first.children.length)) {
        throw differentLayouts()
      }
      const children = first.children.map((_, i) =>
        concatColumns(same.map((column) => column.children[i] as Column)),
      )
      return { ...common, kind: 'struct', children }
    }
  }
}

function alike<C extends Column>(columns: readonly Column[], first: C): readonly C[] {
  if (columns.some((column) => column.kind !== first.kind)) throw differentLayouts()
  return columns as readonly C[]
}

function differentLayouts(): RangeError {
  return new RangeError('columns of different layouts cannot be joined')
}

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

interface WithOffsets {
  readonly length: number
  readonly offsets: Int32Array
}

function joinOffsets(columns: readonly WithOffsets[]): Int32Array {
  const joined = new Int32Array(columns.reduce((sum, { length }) => sum + length, 1))
  let at = 0
  let base = 0
  for (const { offsets, length } of columns) {
    for (let row = 1; row <= length; row++) joined[at + row] = base + (offsets[row] as number)
    at += length
    base += offsets[length] as number
  }
  return joined
}

/** `undefined` stands for all rows. */
function joinBits<C extends Column>(
  columns: readonly C[],
  bitsOf: (column: C) => Uint8Array | undefined,
): Uint8Array {
  const length = columns.reduce((sum, column) => sum + column.length, 0)
  const joined = new Uint8Array(bitmapBytes(length))
  let at = 0
  for (const column of columns) {
    copyBits(bitsOf(column), column.length, joined, at)
    at += column.length
  }
  return joined
}

/** Bits of `target` from `at` on are still clear. */
function copyBits(
  source: Uint8Array | undefined,
  length: number,
  target: Uint8Array,
  at: number,
): void {
  const shift = at & 7
  const bytes = bitmapBytes(length)
  const last = length & 7 ? (1 << (length & 7)) - 1 : 0xff
  for (let i = 0; i < bytes; i++) {
    const byte =
      (source === undefined ? 0xff : (source[i] as number)) & (i < bytes - 1 ? 0xff : last)
    const to = (at >> 3) + i
    target[to] = (target[to] as number) | (byte << shift)
    const over = byte >> (8 - shift)
    if (over !== 0) target[to + 1] = (target[to + 1] as number) | over
  }
}
