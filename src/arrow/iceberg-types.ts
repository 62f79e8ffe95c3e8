/**
 * The Iceberg primitive that holds an Arrow type without loss, or why there is none.
 *
 * Lossy ways exist for three types; each has an option that must be set. Instants and times come
 * in any unit and are stored in µs, or from format version 3 on instants of ns as they are; whether
 * a value survives that is for the verifier and the cast.
 */
import type { PrimitiveType } from '../iceberg/types.ts'
import { type ArrowField, type ArrowType, extensionName } from './schema.ts'

/** The `ingest` section of the configuration satisfies it. */
export interface TypeOptions {
  readonly truncateNanoseconds: boolean
  readonly uint64AsDecimal: boolean
  readonly durationAsLong: boolean
}

export type FormatVersion = 2 | 3

export type PrimitiveMapping =
  | {
      readonly kind: 'type'
      readonly type: PrimitiveType
      /** What a column of a coarser type keeps of it. */
      readonly coarser?: Coarser
      /** What gets lost, with the option that allows it. */
      readonly loss?: string
    }
  /** Nothing to store: a column of nulls. */
  | { readonly kind: 'skip' }
  | { readonly kind: 'refused'; readonly remedy: string }

export interface Coarser {
  readonly type: PrimitiveType
  readonly isAllowed: boolean
  readonly remedy: string
  readonly loss: string
}

const PRECISION_MAX = 38
const TRUNCATE_REMEDY =
  'send it in microseconds, or start Frazil with --set ingest.truncateNanoseconds=true to drop the digits below'
const TRUNCATE_LOSS = 'nanoseconds are cut to microseconds (ingest.truncateNanoseconds)'

/** For every type but list, fixed-size list, struct and map. */
export function primitiveFor(
  field: ArrowField,
  options: TypeOptions,
  formatVersion: FormatVersion,
): PrimitiveMapping {
  const { type } = field
  switch (type.kind) {
    case 'null':
      return { kind: 'skip' }
    case 'bool':
      return stored('boolean')
    case 'int':
      return integer(type, options)
    case 'float':
      return stored(type.bits === 64 ? 'double' : 'float')
    case 'decimal':
      return decimal(type)
    case 'date':
      return stored('date')
    case 'time':
      return type.unit === 'ns' ? truncated('time', options) : stored('time')
    case 'timestamp': {
      const target = type.timezone === undefined ? 'timestamp' : 'timestamptz'
      if (type.unit !== 'ns') return stored(target)
      return formatVersion < 3 ? truncated(target, options) : nanoseconds(target, options)
    }
    case 'duration':
      return options.durationAsLong
        ? lossy('long', `the unit ${type.unit} is not kept (ingest.durationAsLong)`)
        : refused('send it as int64, or set ingest.durationAsLong to store the number in its unit')
    case 'utf8':
      return stored('string')
    case 'binary':
      return stored('binary')
    case 'fixed-size-binary':
      return fixed(type.width, field)
    default:
      return refused(REMEDIES[type.kind] ?? 'send another type')
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  interval: 'send its months, days and nanoseconds as integer columns',
  union: 'send one nullable column per member',
  'run-end-encoded': 'send the plain values; dictionary encoding is accepted',
}

function integer(
  { bits, signed }: Extract<ArrowType, { kind: 'int' }>,
  { uint64AsDecimal }: TypeOptions,
): PrimitiveMapping {
  if (bits === 64 && !signed) {
    return uint64AsDecimal
      ? lossy('decimal(20, 0)', 'a decimal, not an integer (ingest.uint64AsDecimal)')
      : refused('send it as int64, or set ingest.uint64AsDecimal to store it as decimal(20, 0)')
  }
  return stored(bits === 64 || (bits === 32 && !signed) ? 'long' : 'int')
}

function decimal({ precision, scale }: Extract<ArrowType, { kind: 'decimal' }>): PrimitiveMapping {
  if (precision > PRECISION_MAX) return refused(`send at most ${PRECISION_MAX} digits`)
  if (scale < 0) return refused('send it with scale 0')
  if (scale > precision) return refused(`send it with a precision of at least ${scale}`)
  return stored(`decimal(${precision}, ${scale})`)
}

function truncated(type: PrimitiveType, { truncateNanoseconds }: TypeOptions): PrimitiveMapping {
  if (truncateNanoseconds) return lossy(type, TRUNCATE_LOSS)
  const isInstant = type !== 'time'
  const v3 = ', or create the table with the property format-version=3, which keeps them'
  return refused(`${TRUNCATE_REMEDY}${isInstant ? v3 : ''}`)
}

function nanoseconds(
  type: 'timestamp' | 'timestamptz',
  { truncateNanoseconds: isAllowed }: TypeOptions,
): PrimitiveMapping {
  const coarser = { type, isAllowed, remedy: TRUNCATE_REMEDY, loss: TRUNCATE_LOSS }
  return { kind: 'type', type: `${type}_ns`, coarser }
}

function fixed(width: number, field: ArrowField): PrimitiveMapping {
  if (width === 0) return refused('send at least one byte, or leave the column out')
  if (width === 16 && extensionName(field) === 'arrow.uuid') return stored('uuid')
  return stored(`fixed[${width}]`)
}

function stored(type: PrimitiveType): PrimitiveMapping {
  return { kind: 'type', type }
}

function lossy(type: PrimitiveType, loss: string): PrimitiveMapping {
  return { kind: 'type', type, loss }
}

function refused(remedy: string): PrimitiveMapping {
  return { kind: 'refused', remedy }
}

/** How a message names what came: `timestamp[ns, UTC]`. */
export function describeType({ type, dictionary }: ArrowField): string {
  return dictionary ? `dictionary of ${describe(type)}` : describe(type)
}

function describe(type: ArrowType): string {
  switch (type.kind) {
    case 'int':
      return `${type.signed ? 'int' : 'uint'}${type.bits}`
    case 'float':
      return `float${type.bits}`
    case 'decimal':
      return `decimal${type.bits}(${type.precision}, ${type.scale})`
    case 'date':
      return type.unit === 'day' ? 'date32' : 'date64'
    case 'time':
      return `time${type.bits}[${type.unit}]`
    case 'timestamp':
      return `timestamp[${type.unit}${type.timezone ? `, ${type.timezone}` : ''}]`
    case 'duration':
    case 'interval':
      return `${type.kind}[${type.unit}]`
    case 'utf8':
    case 'binary':
    case 'list':
      return type.layout === 'normal' ? type.kind : `${type.layout} ${type.kind}`
    case 'fixed-size-binary':
      return `fixed-size binary(${type.width})`
    case 'fixed-size-list':
      return `fixed-size list(${type.size})`
    default:
      return type.kind
  }
}
