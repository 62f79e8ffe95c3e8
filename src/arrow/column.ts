/** A column of a batch whose structure was verified: every position in it may be followed. */
import { bitAt } from './bits.ts'
import type { Offsets } from './buffers.ts'
import type { DictionaryValues } from './dictionary-values.ts'
import type { ColumnLayout } from './layout.ts'
import type { ViewBuffers } from './views.ts'

export interface Column {
  readonly layout: ColumnLayout
  readonly length: number
  readonly nulls: number
  /** Absent when there are no nulls, or nothing but nulls in a column of type null. */
  readonly validity: Uint8Array | undefined
  readonly children: readonly Column[]
  /** Of lists, maps, utf8 and binary: `length + 1` positions. */
  readonly offsets?: Offsets
  /** Of list views: where each list begins and how long it is. */
  readonly slices?: { readonly starts: Offsets; readonly sizes: Offsets }
  readonly views?: ViewBuffers
  /** Of fixed width: its values. */
  readonly bytes?: Uint8Array
  /** Of dictionary-encoded columns. */
  readonly indices?: { readonly values: DictionaryValues; readonly at: Indices }
}

/** Positions in a dictionary; those of null slots mean nothing. */
export type Indices =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float64Array

/** Whether slot `i` holds a value. */
export function isValid(column: Column, i: number): boolean {
  if (column.layout.type.kind === 'null') return false
  return column.validity === undefined || bitAt(column.validity, i)
}
