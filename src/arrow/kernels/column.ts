/**
 * One Arrow array in memory, stripped to what kernels need: its layout, not its meaning.
 *
 * Promises: offset is always 0, the first list or byte offset is 0, there is a validity bitmap
 * exactly when there are nulls, and typed views of `values` are possible (8-byte aligned).
 * Does not know: Arrow types, Iceberg types, files.
 */
import { unreachable } from '../../errors.ts'
import { clearedBitmap } from './bits.ts'

interface Common {
  readonly length: number
  readonly nullCount: number
  /** One bit a row, least significant first, 1 for a value. Undefined exactly when nothing is null. */
  readonly validity: Uint8Array | undefined
}

export interface BitColumn extends Common {
  readonly kind: 'bits'
  readonly values: Uint8Array
}

export interface FixedColumn extends Common {
  readonly kind: 'fixed'
  /** Bytes of one value. */
  readonly width: number
  readonly values: Uint8Array
}

export interface ByteColumn extends Common {
  readonly kind: 'bytes'
  readonly offsets: Int32Array
  readonly values: Uint8Array
}

/** A list, or a map, whose child is the struct of key and value. */
export interface ListColumn extends Common {
  readonly kind: 'list'
  readonly offsets: Int32Array
  readonly child: Column
}

export interface StructColumn extends Common {
  readonly kind: 'struct'
  readonly children: readonly Column[]
}

export type Column = BitColumn | FixedColumn | ByteColumn | ListColumn | StructColumn

/** What a column of nulls must look like to be that of a type. */
export type Layout =
  | { readonly kind: 'bits' }
  | { readonly kind: 'fixed'; readonly width: number }
  | { readonly kind: 'bytes' }
  | { readonly kind: 'list'; readonly child: Layout }
  | { readonly kind: 'struct'; readonly children: readonly Layout[] }

/** `length` nulls. */
export function nullColumn(layout: Layout, length: number): Column {
  const common = {
    length,
    nullCount: length,
    validity: length > 0 ? clearedBitmap(length) : undefined,
  }
  switch (layout.kind) {
    case 'bits':
      return { ...common, kind: 'bits', values: clearedBitmap(length) }
    case 'fixed':
      return {
        ...common,
        kind: 'fixed',
        width: layout.width,
        values: new Uint8Array(layout.width * length),
      }
    case 'bytes':
      return {
        ...common,
        kind: 'bytes',
        offsets: new Int32Array(length + 1),
        values: new Uint8Array(0),
      }
    case 'list':
      return {
        ...common,
        kind: 'list',
        offsets: new Int32Array(length + 1),
        child: nullColumn(layout.child, 0),
      }
    case 'struct':
      return {
        ...common,
        kind: 'struct',
        children: layout.children.map((child) => nullColumn(child, length)),
      }
    default:
      return unreachable(layout)
  }
}

/** Bytes of all buffers: what the column takes in an IPC body, without padding. */
export function columnBytes(column: Column): number {
  const validity = column.validity?.length ?? 0
  switch (column.kind) {
    case 'bits':
    case 'fixed':
      return validity + column.values.length
    case 'bytes':
      return validity + column.offsets.byteLength + column.values.length
    case 'list':
      return validity + column.offsets.byteLength + columnBytes(column.child)
    case 'struct':
      return column.children.reduce((sum, child) => sum + columnBytes(child), validity)
    default:
      return unreachable(column)
  }
}

/** The same column with another validity; `undefined` when nothing is null. */
export function withValidity<C extends Column>(
  column: C,
  validity: Uint8Array | undefined,
  nullCount: number,
): C {
  return { ...column, nullCount, validity: nullCount > 0 ? validity : undefined }
}

export function viewInt32(values: Uint8Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.byteLength >> 2)
}

export function viewInt64(values: Uint8Array): BigInt64Array {
  return new BigInt64Array(values.buffer, values.byteOffset, values.byteLength >> 3)
}

export function viewFloat32(values: Uint8Array): Float32Array {
  return new Float32Array(values.buffer, values.byteOffset, values.byteLength >> 2)
}

export function viewFloat64(values: Uint8Array): Float64Array {
  return new Float64Array(values.buffer, values.byteOffset, values.byteLength >> 3)
}

/** The same bytes where typed views of up to 8 bytes a value are possible; copied only if needed. */
export function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes)
}

export function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}
