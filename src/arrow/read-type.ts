/**
 * The `Type` union of `Schema.fbs`, table by table.
 *
 * Promises: parameters are in the range that the Arrow format gives them, and a nested type has
 * the number and shape of children that its layout needs.
 */
import { ServiceError } from '../errors.ts'
import type { Table } from './flatbuffer.ts'
import type { ArrowField, ArrowType, DictionaryEncoding, TimeUnit } from './schema.ts'

const TIME_UNITS: readonly TimeUnit[] = ['s', 'ms', 'us', 'ns']
const INTERVAL_UNITS = ['year-month', 'day-time', 'month-day-nano'] as const
const FLOAT_BITS = [16, 32, 64] as const
/** Most digits that each width of a decimal can hold. */
const DECIMAL_DIGITS = new Map([
  [32, 9],
  [64, 18],
  [128, 38],
  [256, 76],
])
const INT32_BITS = { bits: 32, signed: true } as const

/** Reads the type of a `Field` table. @throws ServiceError `invalid` naming `what`. */
export function readType(field: Table, what: string): ArrowType {
  const id = field.uint8(2)
  const type = field.table(3, `the type of ${what}`)
  if (!type) throw invalid(what, 'no type')
  const read = TYPES[id]
  if (!read) throw invalid(what, `the unknown arrow type ${id}`)
  return read(type, what)
}

/** Absent means int32, as the format says. */
export function readIndexType(table: Table | undefined, what: string): DictionaryEncoding['index'] {
  return table ? readInt(table, `the dictionary index of ${what}`) : INT32_BITS
}

/** By the number of the union member; 0 is "none". */
const TYPES: readonly (((table: Table, what: string) => ArrowType) | undefined)[] = [
  undefined,
  () => ({ kind: 'null' }),
  (table, what) => ({ kind: 'int', ...readInt(table, what) }),
  (table, what) => ({ kind: 'float', bits: pick(FLOAT_BITS, table.int16(0), what) }),
  () => ({ kind: 'binary', layout: 'normal' }),
  () => ({ kind: 'utf8', layout: 'normal' }),
  () => ({ kind: 'bool' }),
  readDecimal,
  (table, what) => ({ kind: 'date', unit: pick(['day', 'ms'] as const, table.int16(0, 1), what) }),
  readTime,
  (table, what) => ({
    kind: 'timestamp',
    unit: pick(TIME_UNITS, table.int16(0), what),
    // An empty name means what an absent one means: no zone.
    timezone: table.string(1, `the time zone of ${what}`) || undefined,
  }),
  (table, what) => ({ kind: 'interval', unit: pick(INTERVAL_UNITS, table.int16(0), what) }),
  () => ({ kind: 'list', layout: 'normal' }),
  () => ({ kind: 'struct' }),
  readUnion,
  (table, what) => ({ kind: 'fixed-size-binary', width: size(table.int32(0), what) }),
  (table, what) => ({ kind: 'fixed-size-list', size: size(table.int32(0), what) }),
  (table) => ({ kind: 'map', keysSorted: table.bool(0) }),
  (table, what) => ({ kind: 'duration', unit: pick(TIME_UNITS, table.int16(0, 1), what) }),
  () => ({ kind: 'binary', layout: 'large' }),
  () => ({ kind: 'utf8', layout: 'large' }),
  () => ({ kind: 'list', layout: 'large' }),
  () => ({ kind: 'run-end-encoded' }),
  () => ({ kind: 'binary', layout: 'view' }),
  () => ({ kind: 'utf8', layout: 'view' }),
  () => ({ kind: 'list', layout: 'view' }),
  () => ({ kind: 'list', layout: 'large-view' }),
]

function readInt(table: Table, what: string): DictionaryEncoding['index'] {
  const bits = table.int32(0)
  if (bits !== 8 && bits !== 16 && bits !== 32 && bits !== 64) {
    throw invalid(what, `an integer of ${bits} bits`)
  }
  return { bits, signed: table.bool(1) }
}

function readDecimal(table: Table, what: string): ArrowType {
  const precision = table.int32(0)
  const scale = table.int32(1)
  const bits = table.int32(2, 128)
  const digitsMax = DECIMAL_DIGITS.get(bits) ?? 0
  if (precision < 1 || precision > digitsMax || Math.abs(scale) > 76) {
    throw invalid(what, `decimal(${precision}, ${scale}) in ${bits} bits, which does not exist`)
  }
  return { kind: 'decimal', bits: bits as 32 | 64 | 128 | 256, precision, scale }
}

function readTime(table: Table, what: string): ArrowType {
  const unit = pick(TIME_UNITS, table.int16(0, 1), what)
  const bits = table.int32(1, 32)
  const expected = unit === 's' || unit === 'ms' ? 32 : 64
  if (bits !== expected) throw invalid(what, `time[${unit}] in ${bits} bits instead of ${expected}`)
  return { kind: 'time', unit, bits: expected }
}

function readUnion(table: Table, what: string): ArrowType {
  const mode = pick(['sparse', 'dense'] as const, table.int16(0), what)
  return { kind: 'union', mode, typeIds: table.int32s(1, `the type ids of ${what}`) ?? [] }
}

/** Children by layout. @throws ServiceError `invalid` naming `what`. */
export function checkChildren(
  type: ArrowType,
  children: readonly ArrowField[],
  what: string,
): void {
  const expected = childCount(type)
  if (expected !== undefined && children.length !== expected) {
    throw invalid(what, `${children.length} children; ${type.kind} has ${expected}`)
  }
  if (type.kind !== 'map') return
  const entries = children[0] as ArrowField
  if (entries.type.kind !== 'struct' || entries.children.length !== 2 || entries.dictionary) {
    throw invalid(what, 'a map whose entries are not a struct of key and value')
  }
}

function childCount(type: ArrowType): number | undefined {
  switch (type.kind) {
    case 'struct':
    case 'union':
      return undefined
    case 'list':
    case 'fixed-size-list':
    case 'map':
      return 1
    case 'run-end-encoded':
      return 2
    default:
      return 0
  }
}

function pick<T>(choices: readonly T[], index: number, what: string): T {
  const choice = choices[index]
  if (choice === undefined) throw invalid(what, `a type with the unknown unit or mode ${index}`)
  return choice
}

function size(value: number, what: string): number {
  if (value < 0) throw invalid(what, `a fixed size of ${value}`)
  return value
}

function invalid(what: string, found: string): ServiceError {
  return new ServiceError('invalid', `${what} of the arrow schema has ${found}`)
}
