/**
 * How many bytes each value of a verified column stands for: what a reader pays when a dictionary
 * is resolved.
 */
import type { Offsets } from './buffers.ts'
import { byteWidth } from './byte-width.ts'
import type { Column } from './column.ts'
import { viewLengths } from './views.ts'

type Sizes = number | Float64Array

/** One number when every value has the same size. */
export function valueSizes(column: Column): Sizes {
  const { layout, length, children, indices } = column
  const { type } = layout
  if (indices) {
    return Float64Array.from({ length }, (_, i) => {
      const index = indices.at[i] as number
      return index >= 0 && index < indices.values.count ? indices.values.sizeOf(index) : 0
    })
  }
  if (column.views) return viewLengths(column.views)
  if (column.slices) return slicedSizes(column.slices, children[0] as Column)
  if (column.offsets) {
    const child = children[0]
    return child ? listSizes(column.offsets, child, length) : differences(column.offsets, length)
  }
  if (type.kind === 'fixed-size-list') {
    return fixedListSizes(type.size, children[0] as Column, length)
  }
  if (type.kind === 'struct') {
    return children.map(valueSizes).reduce<Sizes>((sum, sizes) => add(sum, sizes, length), 0)
  }
  return type.kind === 'bool' ? 1 : byteWidth(type, 1)
}

function differences(offsets: Offsets, length: number): Float64Array {
  return Float64Array.from(
    { length },
    (_, i) => (offsets[i + 1] as number) - (offsets[i] as number),
  )
}

function listSizes(offsets: Offsets, child: Column, length: number): Float64Array {
  const before = prefixSums(valueSizes(child), child.length)
  return Float64Array.from({ length }, (_, i) => {
    const from = offsets[i] as number
    return before(offsets[i + 1] as number) - before(from)
  })
}

function slicedSizes(
  { starts, sizes }: { starts: Offsets; sizes: Offsets },
  child: Column,
): Float64Array {
  const before = prefixSums(valueSizes(child), child.length)
  return Float64Array.from(sizes, (size, i) => {
    const from = starts[i] as number
    return before(from + size) - before(from)
  })
}

function fixedListSizes(size: number, child: Column, length: number): Sizes {
  const sizes = valueSizes(child)
  if (typeof sizes === 'number') return sizes * size
  const before = prefixSums(sizes, child.length)
  return Float64Array.from({ length }, (_, i) => before((i + 1) * size) - before(i * size))
}

function add(a: Sizes, b: Sizes, length: number): Sizes {
  if (typeof a === 'number' && typeof b === 'number') return a + b
  const at = (sizes: Sizes, i: number) => (typeof sizes === 'number' ? sizes : (sizes[i] as number))
  return Float64Array.from({ length }, (_, i) => at(a, i) + at(b, i))
}

function prefixSums(sizes: Sizes, length: number): (end: number) => number {
  if (typeof sizes === 'number') return (end) => end * sizes
  const sums = new Float64Array(length + 1)
  for (let i = 0; i < length; i++) sums[i + 1] = (sums[i] as number) + (sizes[i] as number)
  return (end) => sums[end] as number
}
