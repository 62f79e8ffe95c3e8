/** Arrow schemas as values, for tests of what is made of them. */
import type { ArrowField, ArrowType } from '../../src/arrow/schema.ts'
import type { NestedField, Schema, Type } from '../../src/iceberg/types.ts'

export const INT: ArrowType = { kind: 'int', bits: 32, signed: true }
export const LONG: ArrowType = { kind: 'int', bits: 64, signed: true }
export const FLOAT: ArrowType = { kind: 'float', bits: 32 }
export const TEXT: ArrowType = { kind: 'utf8', layout: 'normal' }
export const NULL: ArrowType = { kind: 'null' }

export function arrow(name: string, type: ArrowType, more: Partial<ArrowField> = {}): ArrowField {
  const nothing = { children: [], dictionary: undefined, metadata: new Map() }
  return { name, nullable: true, type, ...nothing, ...more }
}

export function struct(name: string, children: readonly ArrowField[]): ArrowField {
  return arrow(name, { kind: 'struct' }, { children })
}

export function list(name: string, item: ArrowField): ArrowField {
  return arrow(name, { kind: 'list', layout: 'normal' }, { children: [item] })
}

export function vector(name: string, size: number): ArrowField {
  return arrow(name, { kind: 'fixed-size-list', size }, { children: [arrow('item', FLOAT)] })
}

export function map(name: string, key: ArrowField, value: ArrowField): ArrowField {
  const entries = { ...struct('entries', [key, value]), nullable: false }
  return arrow(name, { kind: 'map', keysSorted: false }, { children: [entries] })
}

export function timestamp(name: string, unit: 's' | 'us' | 'ns', timezone?: string): ArrowField {
  return arrow(name, { kind: 'timestamp', unit, timezone })
}

export function table(...fields: NestedField[]): Schema {
  return { type: 'struct', 'schema-id': 3, fields }
}

export function column(id: number, name: string, type: Type, required = false): NestedField {
  return { id, name, required, type }
}
