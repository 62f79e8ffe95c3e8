/**
 * How a table wants to be written, out of its properties. Pure.
 *
 * Promises: a property that cannot be obeyed becomes a problem with its name and the reason, and
 * is otherwise as if it were absent; nothing here throws. Does not know: defaults other than those
 * of the specification, or who is told of the problems.
 */
import { METRICS_DEFAULT, type MetricsMode, parseMetricsMode } from './metrics-mode.ts'
import { allFields } from './schema.ts'
import type { StructType } from './types.ts'
import { notObeyed } from './write-limits.ts'

export type CompressionCodec = 'uncompressed' | 'snappy' | 'gzip' | 'lz4_raw' | 'zstd'

/** What one column has of its own. */
export interface ColumnSettings {
  readonly compression?: CompressionCodec
  readonly isDictionaryEnabled?: boolean
  readonly hasStatistics?: boolean
}

/** What the table does not say is absent. Plain data: it is compared, and sent to threads. */
export interface WriteSettings {
  readonly targetFileBytes?: number
  readonly rowGroupBytesMax?: number
  readonly rowGroupRowsMax?: number
  readonly compression?: CompressionCodec
  readonly pageBytesMax?: number
  readonly dictionaryBytesMax?: number
  readonly isDictionaryEnabled?: boolean
  /** By name; top-level columns only. */
  readonly columns: Readonly<Record<string, ColumnSettings>>
  readonly metrics: {
    readonly default?: MetricsMode
    readonly inferredColumnsMax: number
    readonly columns: Readonly<Record<number, MetricsMode>>
  }
  readonly commit: { readonly ageMs?: number; readonly bytes?: number }
}

export interface PropertyProblem {
  readonly property: string
  readonly value: string
  readonly reason: string
}

const KIB = 1024
const GIB = 1024 ** 3
const DAY_MS = 86_400_000

/** The nearest that Parquet files written today have to the names that others use. */
const CODECS: Readonly<Record<string, CompressionCodec>> = {
  none: 'uncompressed',
  uncompressed: 'uncompressed',
  snappy: 'snappy',
  gzip: 'gzip',
  lz4: 'lz4_raw',
  lz4_raw: 'lz4_raw',
  zstd: 'zstd',
}

/** Where a value goes, or why it cannot. */
type Setter = (draft: Draft, value: string, columnName: string) => string | undefined

interface Draft {
  readonly schema: StructType
  readonly table: Record<string, unknown>
  readonly commit: Record<string, unknown>
  readonly columns: Record<string, Record<string, unknown>>
  readonly metrics: { columns: Record<number, MetricsMode>; inferredColumnsMax: number } & Record<
    string,
    unknown
  >
}

const TABLE: Readonly<Record<string, Setter>> = {
  'write.target-file-size-bytes': whole('table', 'targetFileBytes', 64 * KIB, 50 * GIB),
  'write.parquet.row-group-size-bytes': whole('table', 'rowGroupBytesMax', KIB, 4 * GIB),
  'write.parquet.row-group-limit': whole('table', 'rowGroupRowsMax', 1, 2 ** 31 - 1),
  'write.parquet.page-size-bytes': whole('table', 'pageBytesMax', KIB, GIB),
  'write.parquet.dict-size-bytes': whole('table', 'dictionaryBytesMax', 1, GIB),
  'write.parquet.compression-codec': (draft, value) => setCodec(draft.table, value),
  'parquet.enable.dictionary': (draft, value) => setFlag(draft.table, 'isDictionaryEnabled', value),
  'write.metadata.metrics.default': (draft, value) =>
    setMode(value, (mode) => (draft.metrics['default'] = mode)),
  'write.metadata.metrics.max-inferred-column-defaults': whole(
    'metrics',
    'inferredColumnsMax',
    0,
    1_000_000,
  ),
  'frazil.commit.age-ms': whole('commit', 'ageMs', 10, DAY_MS),
  'frazil.commit.bytes': whole('commit', 'bytes', 1, 64 * GIB),
}

const COLUMN: Readonly<Record<string, Setter>> = {
  'write.metadata.metrics.column.': setColumnMode,
  'write.parquet.compression-codec.column.': topLevel(setCodec),
  'write.parquet.dict-encoding-enabled.column.': topLevel((own, value) =>
    setFlag(own, 'isDictionaryEnabled', value),
  ),
  'write.parquet.stats-enabled.column.': topLevel((own, value) =>
    setFlag(own, 'hasStatistics', value),
  ),
}

export function writeSettings(
  properties: Readonly<Record<string, string>>,
  schema: StructType,
): { readonly settings: WriteSettings; readonly problems: readonly PropertyProblem[] } {
  const draft: Draft = {
    schema,
    table: {},
    commit: {},
    columns: {},
    metrics: { ...METRICS_DEFAULT, columns: {} },
  }
  const problems: PropertyProblem[] = []
  // In an order of their own, so that equal properties are equal settings.
  for (const [property, value] of Object.entries(properties).sort(byName)) {
    const reason = apply(draft, property, value)
    if (reason !== undefined) problems.push({ property, value, reason })
  }
  const { table, commit, columns, metrics } = draft
  return { settings: { ...table, columns, metrics, commit }, problems }
}

/** One sentence for a person. */
export function describeProblem({ property, value, reason }: PropertyProblem): string {
  return `table property ${property}=${value.slice(0, 80)} is not obeyed: ${reason}`
}

function apply(draft: Draft, property: string, value: string): string | undefined {
  const setter = Object.hasOwn(TABLE, property) ? TABLE[property] : undefined
  if (setter !== undefined) return setter(draft, value, '')
  const prefix = Object.keys(COLUMN).find((known) => property.startsWith(known))
  if (prefix === undefined) return notObeyed(property, value)
  return COLUMN[prefix]?.(draft, value, property.slice(prefix.length))
}

function whole(
  part: 'table' | 'commit' | 'metrics',
  name: string,
  min: number,
  max: number,
): Setter {
  return (draft, value) => {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN
    if (!(number >= min && number <= max)) return `it must be a whole number from ${min} to ${max}`
    draft[part][name] = number
    return undefined
  }
}

function setCodec(own: Record<string, unknown>, value: string): string | undefined {
  const name = value.toLowerCase()
  const codec = Object.hasOwn(CODECS, name) ? CODECS[name] : undefined
  if (codec === undefined) return `the codecs are ${Object.keys(CODECS).slice(1).join(', ')}`
  own['compression'] = codec
  return undefined
}

function setFlag(own: Record<string, unknown>, name: string, value: string): string | undefined {
  const text = value.toLowerCase()
  if (text !== 'true' && text !== 'false') return 'it must be true or false'
  own[name] = text === 'true'
  return undefined
}

function setMode(value: string, set: (mode: MetricsMode) => void): string | undefined {
  const mode = parseMetricsMode(value)
  if (mode === undefined) return 'the modes are none, counts, truncate(N) and full'
  set(mode)
  return undefined
}

function setColumnMode(draft: Draft, value: string, column: string): string | undefined {
  const id = findField(draft.schema, column)
  if (id === undefined) return `there is no column ${column}`
  return setMode(value, (mode) => (draft.metrics.columns[id] = mode))
}

function topLevel(
  set: (own: Record<string, unknown>, value: string) => string | undefined,
): Setter {
  return ({ schema, columns }, value, column) => {
    if (schema.fields.some((field) => field.name === column)) {
      const own = Object.hasOwn(columns, column) ? { ...columns[column] } : {}
      const fault = set(own, value)
      // Defined, so that a column called `__proto__` is one like any other.
      const member = { value: own, enumerable: true, configurable: true }
      if (fault === undefined) Object.defineProperty(columns, column, member)
      return fault
    }
    return findField(schema, column) === undefined
      ? `there is no column ${column}`
      : 'the encoder can set this for top-level columns only, not inside structs, lists and maps'
  }
}

function findField(schema: StructType, path: string): number | undefined {
  for (const position of allFields(schema)) if (position.path === path) return position.field.id
  return undefined
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0
}
