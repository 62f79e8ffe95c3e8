/**
 * Which statistics a table keeps of each column (Iceberg spec, "Column metrics"; the modes of the
 * reference implementation): `none`, `counts`, `truncate(N)`, `full`.
 */
import { childFields, isPrimitive } from './schema.ts'
import type { SortOrder, StructType } from './types.ts'

export type MetricsMode =
  | { readonly kind: 'none' }
  | { readonly kind: 'counts' }
  /** Bounds of texts and binaries have at most this many characters or bytes. */
  | { readonly kind: 'truncate'; readonly length: number }
  | { readonly kind: 'full' }

export interface MetricsSettings {
  /** Given by the table, and then of every column that has none of its own. */
  readonly default?: MetricsMode
  /** Without a default: the first columns, breadth first, that have metrics; others have none. */
  readonly inferredColumnsMax: number
  /** By field id. */
  readonly columns: Readonly<Record<number, MetricsMode>>
}

export const TRUNCATE_16: Extract<MetricsMode, { kind: 'truncate' }> = {
  kind: 'truncate',
  length: 16,
}
/** What a table has that says nothing. */
export const METRICS_DEFAULT: MetricsSettings = { inferredColumnsMax: 100, columns: {} }
const MODE = /^(?:(none|counts|full)|truncate\((\d{1,9})\))$/i

/** Undefined for what is not a mode. */
export function parseMetricsMode(text: string): MetricsMode | undefined {
  const [, plain, width] = MODE.exec(text.trim()) ?? []
  if (plain !== undefined) return { kind: plain.toLowerCase() as 'none' | 'counts' | 'full' }
  const length = Number(width ?? 0)
  return length > 0 ? { kind: 'truncate', length } : undefined
}

/**
 * The mode of each column, by field id; a column that is not in it has none. What a table is
 * sorted by has bounds unless its own mode says otherwise: they are why it is sorted.
 */
export function metricsModes(
  schema: StructType,
  settings: MetricsSettings,
  sortOrder?: SortOrder,
): ReadonlyMap<number, MetricsMode> {
  const sorted = new Set(sortOrder?.fields.map((field) => field['source-id']))
  const modes = new Map<number, MetricsMode>()
  for (const [i, id] of leavesBreadthFirst(schema).entries()) {
    const isCounted = i < settings.inferredColumnsMax
    const general = settings.default ?? (isCounted ? TRUNCATE_16 : { kind: 'none' })
    const own = settings.columns[id]
    const hasBounds = general.kind === 'truncate' || general.kind === 'full'
    modes.set(id, own ?? (sorted.has(id) && !hasBounds ? TRUNCATE_16 : general))
  }
  return modes
}

/** A struct's own values before those of its nested types: the order in which the limit counts. */
function leavesBreadthFirst(schema: StructType): number[] {
  const leaves: number[] = []
  const waiting = [...schema.fields]
  for (const { id, type } of waiting) {
    if (isPrimitive(type)) leaves.push(id)
    else waiting.push(...childFields(type))
  }
  return leaves
}
