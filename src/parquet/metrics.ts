/**
 * Column metrics of one data file, from its own footer (Iceberg spec, `data_file`).
 *
 * Promises: what is stated holds for every row of the file: a lower bound is at or below, an upper
 * bound at or above every value that is neither null nor NaN. What is not certain is left out,
 * which is always allowed. Columns inside lists and maps have sizes and nothing else.
 */
import { isUtf8 } from 'node:buffer'
import { minimalDecimal, truncateLower, truncateUpper } from '../iceberg/bounds.ts'
import {
  METRICS_DEFAULT,
  type MetricsMode,
  metricsModes,
  TRUNCATE_16,
} from '../iceberg/metrics-mode.ts'
import { decimalOf } from '../iceberg/primitive.ts'
import { leafFields } from '../iceberg/schema.ts'
import type { DataFile, PrimitiveType, StructType } from '../iceberg/types.ts'
import type { ColumnChunk, Footer } from './footer.ts'

export type FileMetrics = Pick<
  DataFile,
  | 'recordCount'
  | 'columnSizes'
  | 'valueCounts'
  | 'nullValueCounts'
  | 'nanValueCounts'
  | 'lowerBounds'
  | 'upperBounds'
  | 'splitOffsets'
>

/**
 * `nanCounts`: NaN in each float and double column outside lists and maps, by field id. `modes`:
 * what is kept of each column.
 */
export function fileMetrics(
  schema: StructType,
  footer: Footer,
  nanCounts: ReadonlyMap<number, bigint>,
  modes: ReadonlyMap<number, MetricsMode> = metricsModes(schema, METRICS_DEFAULT),
): FileMetrics {
  const chunks = chunksByField(footer)
  const metrics = {
    recordCount: footer.rows,
    columnSizes: new Map<number, bigint>(),
    valueCounts: new Map<number, bigint>(),
    nullValueCounts: new Map<number, bigint>(),
    nanValueCounts: new Map<number, bigint>(),
    lowerBounds: new Map<number, Uint8Array>(),
    upperBounds: new Map<number, Uint8Array>(),
    splitOffsets: footer.rowGroups.map((group) => group.offset).sort((a, b) => Number(a - b)),
  }
  for (const { field, isRepeated } of leafFields(schema)) {
    const { id } = field
    const type = field.type as PrimitiveType
    const own = chunks.get(id)
    const mode = modes.get(id) ?? NO_METRICS
    if (!own || mode.kind === 'none') continue
    metrics.columnSizes.set(id, sum(own.map((chunk) => chunk.compressedBytes)))
    if (isRepeated) continue
    metrics.valueCounts.set(id, sum(own.map((chunk) => chunk.valueCount)))
    const nulls = own.map((chunk) => chunk.nullCount)
    if (nulls.every((count) => count !== undefined)) metrics.nullValueCounts.set(id, sum(nulls))
    const isFloating = type === 'float' || type === 'double'
    const nans = nanCounts.get(id)
    if (isFloating && nans !== undefined) metrics.nanValueCounts.set(id, nans)
    const bounds = columnBounds(type, own, boundLength(mode))
    if (bounds?.lower) metrics.lowerBounds.set(id, bounds.lower)
    if (bounds?.upper) metrics.upperBounds.set(id, bounds.upper)
  }
  return metrics
}

const NO_METRICS: MetricsMode = { kind: 'none' }

/** Most characters or bytes of a bound; 0 for no bounds. */
function boundLength(mode: MetricsMode): number {
  if (mode.kind === 'full') return Number.POSITIVE_INFINITY
  return mode.kind === 'truncate' ? mode.length : 0
}

interface Bounds {
  readonly lower: Uint8Array | undefined
  readonly upper: Uint8Array | undefined
}

/** Undefined unless every chunk with a value states both ends. */
export function columnBounds(
  type: PrimitiveType,
  chunks: readonly ColumnChunk[],
  lengthMax = TRUNCATE_16.length,
): Bounds | undefined {
  if (lengthMax === 0) return undefined
  const compare = comparison(type)
  let least: Uint8Array | undefined
  let most: Uint8Array | undefined
  for (const { min, max, nullCount, valueCount } of chunks) {
    if (nullCount === valueCount) continue
    if (!min || !max || !isSound(type, min) || !isSound(type, max)) return undefined
    if (least === undefined || compare(min, least) < 0) least = min
    if (most === undefined || compare(max, most) > 0) most = max
  }
  if (least === undefined || most === undefined) return undefined
  const lower = singleValue(type, least, 'lower')
  const upper = singleValue(type, most, 'upper')
  // Copies: the footer's buffer must not live as long as the metrics.
  return {
    lower: copy(truncateLower(type, lower, lengthMax)),
    upper: copy(truncateUpper(type, upper, lengthMax)),
  }
}

function copy(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes && new Uint8Array(bytes)
}

/** From the footer's plain encoding to Iceberg's single-value bytes. */
function singleValue(type: PrimitiveType, bytes: Uint8Array, end: 'lower' | 'upper'): Uint8Array {
  if (decimalOf(type)) return minimalDecimal(decimalValue(bytes, bytes.length))
  if (type !== 'float' && type !== 'double') return bytes
  if (floatValue(bytes) !== 0) return bytes
  // Engines disagree on whether the two zeros are equal: a bound of zero encloses both.
  const zero = new Uint8Array(bytes.length)
  if (end === 'lower') zero[zero.length - 1] = 0x80
  return zero
}

function isSound(type: PrimitiveType, bytes: Uint8Array): boolean {
  switch (type) {
    case 'float':
    case 'double':
      return bytes.length === (type === 'float' ? 4 : 8) && !Number.isNaN(floatValue(bytes))
    case 'string':
      return isUtf8(bytes)
    case 'boolean':
      return bytes.length === 1
    case 'int':
    case 'date':
      return bytes.length === 4
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return bytes.length === 8
    case 'uuid':
      return bytes.length === 16
    default:
      return bytes.length > 0 || type === 'binary'
  }
}

function comparison(type: PrimitiveType): (a: Uint8Array, b: Uint8Array) => number {
  switch (type) {
    case 'int':
    case 'date':
      return (a, b) => view(a).getInt32(0, true) - view(b).getInt32(0, true)
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return (a, b) => sign(view(a).getBigInt64(0, true) - view(b).getBigInt64(0, true))
    case 'float':
    case 'double':
      return (a, b) => floatValue(a) - floatValue(b)
    default:
      if (!decimalOf(type)) return (a, b) => Buffer.compare(a, b)
      return (a, b) => sign(decimalValue(a, a.length) - decimalValue(b, b.length))
  }
}

/** 4 and 8 bytes are INT32 and INT64, little-endian, where the precision is that small. */
function decimalValue(bytes: Uint8Array, length: number): bigint {
  if (length === 4) return BigInt(view(bytes).getInt32(0, true))
  if (length === 8) return view(bytes).getBigInt64(0, true)
  return BigInt.asIntN(length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`))
}

function floatValue(bytes: Uint8Array): number {
  return bytes.length === 4 ? view(bytes).getFloat32(0, true) : view(bytes).getFloat64(0, true)
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function sign(value: bigint): number {
  return value < 0n ? -1 : value > 0n ? 1 : 0
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n)
}

function chunksByField(footer: Footer): Map<number, ColumnChunk[]> {
  const chunks = new Map<number, ColumnChunk[]>()
  for (const { columns } of footer.rowGroups) {
    for (const chunk of columns) {
      const own = chunks.get(chunk.fieldId)
      if (own) own.push(chunk)
      else chunks.set(chunk.fieldId, [chunk])
    }
  }
  return chunks
}
