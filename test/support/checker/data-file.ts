/** One row of a manifest against the data file that it describes. */
import { type Footer, type FooterColumn, readFooter } from './footer.ts'
import { type Column, canonical, columnsOf, integer, type Json, list } from './json.ts'
import type { Report } from './table.ts'
import {
  type Comparable,
  compare,
  decodeBound,
  decodeStatistic,
  isMinimalDecimal,
  transformed,
} from './values.ts'

export interface DescribedFile {
  readonly row: Json
  /** The schema that its manifest was written with. */
  readonly schema: Json
  readonly spec: Json
  /** In the spec's order, undefined for null. */
  readonly partition: readonly (Comparable | undefined)[]
}

type Pairs = readonly { readonly key: number; readonly value: unknown }[] | null

/** What can be said without the file itself. */
export function checkFileRow({ row, schema }: DescribedFile, report: Report): void {
  if (row['file_format'] !== 'PARQUET') report(`has the format ${String(row['file_format'])}`)
  if (!(row['content'] === 0)) report('is no data file')
  if ((integer(row['record_count']) ?? 0n) < 1n) report('has no rows')
  const columns = new Map(columnsOf(schema).map((column) => [column.id, column]))
  for (const name of ['value_counts', 'null_value_counts', 'nan_value_counts'] as const) {
    for (const { key } of pairs(row[name])) {
      if (columns.get(key)?.isRepeated) report(`has ${name} of ${key}, inside a list or a map`)
    }
  }
  for (const { key } of pairs(row['nan_value_counts'])) {
    if (!/^(float|double)$/.test(columns.get(key)?.type ?? ''))
      report(`counts NaN in column ${key}`)
  }
  for (const name of ['lower_bounds', 'upper_bounds'] as const) {
    for (const { key, value } of pairs(row[name])) {
      const column = columns.get(key)
      if (column === undefined || column.isRepeated) report(`has ${name} of column ${key}`)
      else checkBound(column, value as Buffer, report)
    }
  }
  const lower = mapOf(row['lower_bounds'])
  for (const { key, value } of pairs(row['upper_bounds'])) {
    const type = columns.get(key)?.type
    const low = lower.get(key) as Buffer | undefined
    if (type === undefined || low === undefined) continue
    if (compare(decodeBound(type, low), decodeBound(type, value as Buffer)) > 0) {
      report(`has bounds of column ${key} the wrong way round`)
    }
  }
}

function checkBound({ id, type }: Column, bytes: Buffer, report: Report): void {
  if (type.startsWith('decimal') && !isMinimalDecimal(bytes)) {
    report(`has a decimal bound of column ${id} that is not minimal`)
  }
  const fixed = /^fixed\[(\d+)\]$/.exec(type)?.[1]
  if (fixed !== undefined && bytes.length > Number(fixed)) report(`has too long a bound of ${id}`)
  if (type === 'uuid' && bytes.length !== 16) report(`has a uuid bound of ${bytes.length} bytes`)
  const value = decodeBound(type, bytes)
  if (typeof value === 'number' && Number.isNaN(value))
    report(`has NaN for a bound of column ${id}`)
}

/** @throws Error when the bytes are no Parquet file. */
export function checkDataFile(described: DescribedFile, bytes: Uint8Array, report: Report): void {
  const { row, schema } = described
  const footer = readFooter(bytes)
  if (footer.rows !== row['record_count']) report(`has ${footer.rows} rows, not record_count`)
  const offsets = (row['split_offsets'] ?? []) as readonly bigint[]
  if (offsets.length > 0 && offsets.join() !== footer.offsets.join()) {
    report('has split_offsets where no row groups begin')
  }
  const columns = columnsOf(schema)
  const stored = columns.filter(({ type }) => type !== 'unknown')
  for (const { id, path } of stored) {
    if (!footer.fieldIds.has(id)) report(`has no field of id ${id}, ${path}`)
  }
  const known = new Map(columns.map((column) => [column.id, column]))
  for (const leaf of footer.columns) {
    const column = leaf.fieldId === undefined ? undefined : known.get(leaf.fieldId)
    if (column === undefined) report(`has the column ${leaf.path}, which its schema has not`)
    else checkColumn(described, leaf, column, report)
  }
  checkPartition(described, footer, report)
}

function checkColumn(
  { row }: DescribedFile,
  leaf: FooterColumn,
  column: Column,
  report: Report,
): void {
  const { id, type, path } = column
  if (!isStoredAs(type, leaf.annotation)) {
    report(`stores ${path} as ${leaf.annotation}, not ${type}`)
  }
  if (column.required && !leaf.isRequired) report(`lets the required ${path} be null`)
  const sum = (of: (chunk: FooterColumn['chunks'][number]) => bigint) =>
    leaf.chunks.reduce((total, chunk) => total + of(chunk), 0n)
  const expect = (name: string, expected: bigint) => {
    const found = mapOf(row[name]).get(id)
    if (found !== undefined && found !== expected) {
      report(`says ${canonical(found)} in ${name} of ${path}, and has ${expected}`)
    }
  }
  expect(
    'column_sizes',
    sum(({ bytes }) => bytes),
  )
  if (column.isRepeated) return
  expect(
    'value_counts',
    sum(({ values }) => values),
  )
  if (leaf.chunks.every(({ nulls }) => nulls !== undefined)) {
    expect(
      'null_value_counts',
      sum(({ nulls }) => nulls ?? 0n),
    )
  }
  checkEnclosing(row, leaf, column, report)
}

function checkEnclosing(row: Json, leaf: FooterColumn, { id, type, path }: Column, report: Report) {
  const lower = mapOf(row['lower_bounds']).get(id) as Buffer | undefined
  const upper = mapOf(row['upper_bounds']).get(id) as Buffer | undefined
  for (const { min, max, values, nulls, isExact } of leaf.chunks) {
    if (min === undefined || max === undefined) {
      // NaN has no statistics; of such a chunk only the writer knows.
      if (type === 'float' || type === 'double' || values === nulls) continue
      if (lower ?? upper) report(`has bounds of ${path} though a row group has none`)
      continue
    }
    if (!isExact && !/^(string|binary|fixed.*)$/.test(type)) report(`has inexact ${path}`)
    const within = (bound: Buffer | undefined, value: Buffer, sign: number) =>
      bound === undefined ||
      compare(decodeStatistic(type, leaf.physical, value), decodeBound(type, bound)) * sign >= 0
    if (!within(lower, min, 1)) report(`has a lower bound of ${path} above its values`)
    // A truncated maximum of the footer may lie above a longer bound that is exact.
    if (isExact && !within(upper, max, -1)) report(`has an upper bound of ${path} below its values`)
  }
}

/** A file of one partition has bounds whose transforms are that partition. */
function checkPartition(
  { schema, spec, partition }: DescribedFile,
  footer: Footer,
  report: Report,
) {
  const columns = columnsOf(schema)
  list(spec['fields']).forEach((field, i) => {
    const value = partition[i]
    const transform = String(field['transform'])
    const name = String(field['name'])
    const column = columns.find(({ id }) => id === field['source-id'])
    const leaf = footer.columns.find(({ fieldId }) => fieldId === field['source-id'])
    if (transform === 'void') {
      if (value !== undefined) report(`has a value in the void partition ${name}`)
      return
    }
    if (column === undefined || leaf === undefined) return
    for (const { nulls, values, min, max, isExact } of leaf.chunks) {
      if (nulls !== undefined && (value === undefined ? nulls !== values : nulls !== 0n)) {
        report(`has ${nulls} nulls of ${values} in partition ${name} of ${String(value)}`)
      }
      if (value === undefined || !isExact) continue
      for (const bytes of [min, max]) {
        if (bytes === undefined) continue
        const statistic = decodeStatistic(column.type, leaf.physical, bytes)
        const expected = transformed(transform, column.type, statistic)
        if (expected !== undefined && compare(expected, value) !== 0) {
          report(`is in partition ${name}=${String(value)} and has a row of ${String(expected)}`)
        }
      }
    }
  })
}

/** Widened columns keep their old width in old files. */
function isStoredAs(type: string, annotation: string): boolean {
  if (type === annotation) return true
  if (type === 'long' && annotation === 'int') return true
  if (type === 'double' && annotation === 'float') return true
  const [wide, narrow] = [decimal(type), decimal(annotation)]
  return wide !== undefined && narrow?.scale === wide.scale && narrow.precision <= wide.precision
}

function decimal(type: string): { readonly precision: number; readonly scale: number } | undefined {
  const [, precision, scale] = /^decimal\((\d+), ?(\d+)\)$/.exec(type) ?? []
  return precision === undefined
    ? undefined
    : { precision: Number(precision), scale: Number(scale) }
}

function pairs(value: unknown): NonNullable<Pairs> {
  return (value as Pairs) ?? []
}

function mapOf(value: unknown): Map<number, unknown> {
  return new Map(pairs(value).map(({ key, value }) => [key, value]))
}
