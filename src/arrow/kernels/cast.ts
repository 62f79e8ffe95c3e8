/**
 * From what a producer sent to what the table stores: one primitive column at a time.
 *
 * Promises: every row keeps its value exactly, except where the table's type is defined to be
 * coarser (nanoseconds and milliseconds of a date are floored); what does not fit is an error.
 * Null rows may hold any bytes before and after.
 */
import { decimalOf, fixedLengthOf } from '../../iceberg/primitive.ts'
import type { PrimitiveType } from '../../iceberg/types.ts'
import type { ArrowType } from '../schema.ts'
import { castDecimal, unsignedToDecimal } from './cast-decimal.ts'
import { halfToFloat, widenFloat, widenInteger } from './cast-number.ts'
import { castDate, castTime, castTimestamp } from './cast-temporal.ts'
import { type Column, type FixedColumn, type Layout, nullColumn } from './column.ts'

/** Arrow layout of a stored primitive. */
export function primitiveLayout(type: PrimitiveType): Layout {
  switch (type) {
    case 'boolean':
      return { kind: 'bits' }
    case 'string':
    case 'binary':
      return { kind: 'bytes' }
    case 'int':
    case 'float':
    case 'date':
      return { kind: 'fixed', width: 4 }
    case 'long':
    case 'double':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return { kind: 'fixed', width: 8 }
    case 'uuid':
      return { kind: 'fixed', width: 16 }
    case 'unknown':
      throw new RangeError('a column of type unknown is not stored')
    default:
      return { kind: 'fixed', width: fixedLengthOf(type) ?? 16 }
  }
}

/** @throws RangeError when there is no such cast, or a value does not fit. */
export function castColumn(column: Column, from: ArrowType, to: PrimitiveType): Column {
  if (from.kind === 'null') return nullColumn(primitiveLayout(to), column.length)
  if (column.kind === 'bits' && from.kind === 'bool' && to === 'boolean') return column
  if (column.kind === 'bytes') {
    if (from.kind === 'utf8' && to === 'string') return column
    if (from.kind === 'binary' && to === 'binary') return column
  }
  const cast = column.kind === 'fixed' ? castFixed(column, from, to) : undefined
  if (cast) return cast
  throw new RangeError(`arrow ${from.kind} cannot be stored as ${to}`)
}

function castFixed(column: FixedColumn, from: ArrowType, to: PrimitiveType): Column | undefined {
  switch (from.kind) {
    case 'int':
      if (to === 'int' && (from.bits < 32 || (from.bits === 32 && from.signed))) {
        return widenInteger(column, from, 32)
      }
      if (to === 'long' && (from.bits < 64 || from.signed)) return widenInteger(column, from, 64)
      if (decimalOf(to)?.scale === 0 && !from.signed && from.bits === 64) {
        return unsignedToDecimal(column)
      }
      return undefined
    case 'float': {
      const column32 = from.bits === 16 ? halfToFloat(column) : column
      if (to === 'float' && from.bits < 64) return column32
      if (to === 'double') return from.bits === 64 ? column : widenFloat(column32)
      return undefined
    }
    case 'decimal': {
      const decimal = decimalOf(to)
      if (decimal?.scale !== from.scale || decimal.precision < from.precision) return undefined
      return castDecimal(column)
    }
    case 'date':
      return to === 'date' ? castDate(column, from.unit) : undefined
    case 'time':
      return to === 'time' ? castTime(column, from.unit) : undefined
    case 'timestamp':
      return castTimestampTo(column, from, to)
    case 'duration':
      return to === 'long' ? column : undefined
    case 'fixed-size-binary':
      return (to === 'uuid' ? 16 : fixedLengthOf(to)) === from.width ? column : undefined
    default:
      return undefined
  }
}

function castTimestampTo(
  column: FixedColumn,
  from: Extract<ArrowType, { kind: 'timestamp' }>,
  to: PrimitiveType,
): Column | undefined {
  const isZoned = from.timezone !== undefined
  if (to === (isZoned ? 'timestamptz' : 'timestamp')) return castTimestamp(column, from.unit, 'us')
  if (to === (isZoned ? 'timestamptz_ns' : 'timestamp_ns')) {
    return castTimestamp(column, from.unit, 'ns')
  }
  return undefined
}
