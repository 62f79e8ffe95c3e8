/** Two columns of one layout, one after the other: what a delta dictionary asks for. */
import { bitmapBytes, isSet, setBit } from './bits.ts'
import type { Column } from './column.ts'

/** @throws RangeError when the layouts differ. */
export function concatColumns(first: Column, second: Column): Column {
  const length = first.length + second.length
  const nullCount = first.nullCount + second.nullCount
  const validity = nullCount > 0 ? joinBits(first, second, (column) => column.validity) : undefined
  const common = { length, nullCount, validity }
  if (first.kind === 'bits' && second.kind === 'bits') {
    const values = joinBits(first, second, (column) =>
      column.kind === 'bits' ? column.values : undefined,
    )
    return { ...common, kind: 'bits', values }
  }
  if (first.kind === 'fixed' && second.kind === 'fixed' && first.width === second.width) {
    const values = joinBytes(
      first.values.subarray(0, first.length * first.width),
      second.values.subarray(0, second.length * second.width),
    )
    return { ...common, kind: 'fixed', width: first.width, values }
  }
  if (first.kind === 'bytes' && second.kind === 'bytes') {
    const offsets = joinOffsets(first.offsets, second.offsets)
    return { ...common, kind: 'bytes', offsets, values: joinBytes(first.values, second.values) }
  }
  if (first.kind === 'list' && second.kind === 'list') {
    const offsets = joinOffsets(first.offsets, second.offsets)
    return { ...common, kind: 'list', offsets, child: concatColumns(first.child, second.child) }
  }
  if (first.kind === 'struct' && second.kind === 'struct') {
    const children = first.children.map((child, i) =>
      concatColumns(child, second.children[i] as Column),
    )
    return { ...common, kind: 'struct', children }
  }
  throw new RangeError('a delta dictionary has another layout than its dictionary')
}

function joinBytes(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length)
  joined.set(first)
  joined.set(second, first.length)
  return joined
}

function joinOffsets(first: Int32Array, second: Int32Array): Int32Array {
  const joined = new Int32Array(first.length + second.length - 1)
  const end = first[first.length - 1] as number
  joined.set(first)
  for (let i = 1; i < second.length; i++) joined[first.length - 1 + i] = end + (second[i] as number)
  return joined
}

function joinBits(
  first: Column,
  second: Column,
  bitsOf: (column: Column) => Uint8Array | undefined,
): Uint8Array {
  const joined = new Uint8Array(bitmapBytes(first.length + second.length))
  const copy = (column: Column, at: number) => {
    const bits = bitsOf(column)
    for (let row = 0; row < column.length; row++) {
      if (bits === undefined || isSet(bits, row)) setBit(joined, at + row)
    }
  }
  copy(first, 0)
  copy(second, first.length)
  return joined
}
