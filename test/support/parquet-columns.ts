/** Columns for kernel tests: from plain values, back to plain values, and from hand-made bodies. */
import { type Arbitrary, array, constant, integer, option, record, string } from 'fast-check'
import type { BatchReader } from '../../src/arrow/kernels/batch-reader.ts'
import { batchReader } from '../../src/arrow/kernels/batch-reader.ts'
import { bitmapBytes, isSet, setBit } from '../../src/arrow/kernels/bits.ts'
import { bytesOf, type Column, type Layout, viewInt32 } from '../../src/arrow/kernels/column.ts'

/** Rows in the shape of a layout: int32 for fixed, boolean for bits, string for bytes. */
export function columnFrom(layout: Layout, rows: readonly unknown[]): Column {
  const length = rows.length
  const validity = new Uint8Array(bitmapBytes(length))
  rows.forEach((row, i) => {
    if (row !== null) setBit(validity, i)
  })
  const nullCount = rows.filter((row) => row === null).length
  const common = { length, nullCount, validity: nullCount > 0 ? validity : undefined }
  switch (layout.kind) {
    case 'bits': {
      const values = new Uint8Array(bitmapBytes(length))
      rows.forEach((row, i) => {
        if (row === true) setBit(values, i)
      })
      return { ...common, kind: 'bits', values }
    }
    case 'fixed': {
      const values = Int32Array.from(rows, (row) => (row ?? -7) as number)
      return { ...common, kind: 'fixed', width: 4, values: bytesOf(values) }
    }
    case 'bytes': {
      const parts = rows.map((row) => Buffer.from((row ?? '') as string))
      const offsets = offsetsOf(parts.map((part) => part.length))
      return { ...common, kind: 'bytes', offsets, values: new Uint8Array(Buffer.concat(parts)) }
    }
    case 'list': {
      const lists = rows.map((row) => (row ?? []) as unknown[])
      const offsets = offsetsOf(lists.map((list) => list.length))
      return { ...common, kind: 'list', offsets, child: columnFrom(layout.child, lists.flat()) }
    }
    case 'struct':
      return {
        ...common,
        kind: 'struct',
        children: layout.children.map((child, i) =>
          columnFrom(
            child,
            rows.map((row) => (row === null ? null : (row as unknown[])[i])),
          ),
        ),
      }
    default:
      throw new Error('no such layout')
  }
}

export function rowsOf(column: Column): unknown[] {
  return Array.from({ length: column.length }, (_, row) => rowOf(column, row))
}

function rowOf(column: Column, row: number): unknown {
  if (column.validity && !isSet(column.validity, row)) return null
  switch (column.kind) {
    case 'bits':
      return isSet(column.values, row)
    case 'fixed':
      return viewInt32(column.values)[row]
    case 'bytes':
      return Buffer.from(
        column.values.subarray(column.offsets[row], column.offsets[row + 1]),
      ).toString()
    case 'list': {
      const [start, end] = [column.offsets[row] as number, column.offsets[row + 1] as number]
      return Array.from({ length: end - start }, (_, i) => rowOf(column.child, start + i))
    }
    case 'struct':
      return column.children.map((child) => rowOf(child, row))
    default:
      throw new Error('no such layout')
  }
}

function offsetsOf(lengths: readonly number[]): Int32Array {
  const offsets = new Int32Array(lengths.length + 1)
  lengths.forEach((length, i) => {
    offsets[i + 1] = (offsets[i] as number) + length
  })
  return offsets
}

export const EVERY_LAYOUT: Layout = {
  kind: 'struct',
  children: [
    { kind: 'bits' },
    { kind: 'fixed', width: 4 },
    { kind: 'bytes' },
    { kind: 'list', child: { kind: 'list', child: { kind: 'bytes' } } },
    { kind: 'struct', children: [{ kind: 'bits' }, { kind: 'fixed', width: 4 }] },
  ],
}

/** Rows of {@link EVERY_LAYOUT} with nulls at every level. */
export function rowsOfEveryLayout(): Arbitrary<unknown[]> {
  const number = option(integer({ min: -1000, max: 1000 }))
  const bit = option(constant(true))
  const text = option(string({ maxLength: 40 }))
  const row = record({
    bit,
    number,
    text,
    list: option(array(option(array(text, { maxLength: 3 })), { maxLength: 3 })),
    struct: option(record({ bit, number })),
  }).map(({ struct, ...row }) => [
    row.bit,
    row.number,
    row.text,
    row.list,
    struct && [struct.bit, struct.number],
  ])
  return array(option(row), { maxLength: 40 })
}

/** A reader over a body made of these buffers. */
export function readerOf(
  nodes: readonly number[],
  buffers: readonly Uint8Array[],
  variadicCounts: readonly number[] = [],
): BatchReader {
  const places: number[] = []
  const parts: Uint8Array[] = []
  let at = 0
  for (const buffer of buffers) {
    const padding = new Uint8Array((8 - (buffer.length % 8)) % 8)
    places.push(at, buffer.length)
    parts.push(buffer, padding)
    at += buffer.length + padding.length
  }
  const header = {
    rows: nodes[0] ?? 0,
    nodes: Float64Array.from(nodes.flatMap((length) => [length, 0])),
    buffers: Float64Array.from(places),
    variadicCounts: Float64Array.from(variadicCounts),
    codec: undefined,
  }
  return batchReader(header, new Uint8Array(Buffer.concat(parts)))
}
