/**
 * Values that a table's transforms have no result for: `truncate[W]` just above the least value of
 * a type, `hour` of instants that 32 bits of hours do not reach. A batch with such a value could
 * never be written, so whoever accepts batches has to know the range before.
 *
 * Pure: from a stream's schema and a table's fields to ranges in the units of the stream. Every
 * transform concerned is monotone, so that two bounds say all. Most streams have no range at all.
 */
import { decimalOf } from '../iceberg/primitive.ts'
import { positionById } from '../iceberg/schema.ts'
import { parseTransform } from '../iceberg/transform.ts'
import type { PrimitiveType, Schema, Transform } from '../iceberg/types.ts'
import { childPath } from './layout.ts'
import type { ArrowField, ArrowSchema, ArrowType, TimeUnit } from './schema.ts'

/** The integers that a field may hold as they come: unscaled decimals, instants in their unit. */
export interface ValueRange {
  /** Depth-first index of the Arrow field. */
  readonly index: number
  readonly min: bigint
  readonly max: bigint
}

export interface TransformRange extends ValueRange {
  readonly path: string
  readonly transform: Transform
}

/** A field of a partition spec or a sort order. */
interface TransformedField {
  readonly 'source-id': number
  readonly transform: Transform
}

export interface TransformedTable {
  readonly schema: Schema
  readonly transformed: readonly TransformedField[]
}

type Bounds = Pick<ValueRange, 'min' | 'max'>

const HOUR_SECONDS = 3_600n
const PER_SECOND: Readonly<Record<TimeUnit, bigint>> = {
  s: 1n,
  ms: 1_000n,
  us: 1_000_000n,
  ns: 1_000_000_000n,
}

/** `fieldIds`: of each Arrow field, depth first. Ranges that no value can leave are left out. */
export function transformRanges(
  arrow: ArrowSchema,
  fieldIds: readonly number[],
  { schema, transformed }: TransformedTable,
): TransformRange[] {
  const ranges: TransformRange[] = []
  for (const { 'source-id': id, transform } of transformed) {
    const index = fieldIds.indexOf(id)
    const stored = positionById(schema, id)?.field.type
    if (index < 0 || typeof stored !== 'string') continue
    const wanted = boundsOf(transform, stored)
    const source = wanted && fieldAt(arrow.fields, index)
    if (!source) continue
    const bounds = asSent(wanted, source.field.type, stored)
    const possible = typeBounds(source.field.type)
    if (!possible || (possible.min >= bounds.min && possible.max <= bounds.max)) continue
    ranges.push({ index, path: source.path, transform, ...bounds })
  }
  return ranges
}

/** In the units of the table; undefined where every value has a result. */
function boundsOf(transform: Transform, type: PrimitiveType): Bounds | undefined {
  const parsed = parseTransform(transform)
  if (parsed.kind === 'truncate') {
    const bounds = integerBounds(type)
    const width = BigInt(parsed.width)
    return bounds && { ...bounds, min: -(-bounds.min / width) * width }
  }
  if (parsed.kind !== 'hour') return undefined
  const perHour = HOUR_SECONDS * PER_SECOND[storedUnit(type)]
  const { min, max } = signed(32)
  return { min: min * perHour, max: (max + 1n) * perHour - 1n }
}

function integerBounds(type: PrimitiveType): Bounds | undefined {
  if (type === 'int') return signed(32)
  if (type === 'long') return signed(64)
  const decimal = decimalOf(type)
  return decimal && digits(decimal.precision)
}

function storedUnit(type: PrimitiveType): 'us' | 'ns' {
  return type.endsWith('_ns') ? 'ns' : 'us'
}

/** Finer instants are floored when they are stored, coarser ones multiplied. */
function asSent({ min, max }: Bounds, sent: ArrowType, stored: PrimitiveType): Bounds {
  if (sent.kind !== 'timestamp') return { min, max }
  const to = PER_SECOND[storedUnit(stored)]
  const from = PER_SECOND[sent.unit]
  if (from > to) return { min: min * (from / to), max: (max + 1n) * (from / to) - 1n }
  // Of bounds on both sides of zero, so dividing towards zero never lets anything through.
  return { min: min / (to / from), max: max / (to / from) }
}

/** What the bits of a type can say. */
function typeBounds(type: ArrowType): Bounds | undefined {
  switch (type.kind) {
    case 'int':
      return type.signed ? signed(type.bits) : { min: 0n, max: 2n ** BigInt(type.bits) - 1n }
    case 'decimal':
      return digits(type.precision)
    case 'timestamp':
      return signed(64)
    default:
      return undefined
  }
}

function signed(bits: number): Bounds {
  const limit = 2n ** BigInt(bits - 1)
  return { min: -limit, max: limit - 1n }
}

function digits(precision: number): Bounds {
  const max = 10n ** BigInt(precision) - 1n
  return { min: -max, max }
}

interface PlacedField {
  readonly field: ArrowField
  readonly path: string
}

/** The field at a depth-first index. */
function fieldAt(fields: readonly ArrowField[], index: number): PlacedField | undefined {
  let next = 0
  const visit = (field: ArrowField, path: string): PlacedField | undefined => {
    if (next++ === index) return { field, path }
    for (const [i, child] of field.children.entries()) {
      const found = visit(child, childPath(field, i, path))
      if (found) return found
    }
    return undefined
  }
  for (const field of fields) {
    const found = visit(field, field.name)
    if (found) return found
  }
  return undefined
}
