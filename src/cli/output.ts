/** Results as a table for people or as JSON for programs. Pure: returns text. */
import { formatJson } from '../client/json.ts'

export type OutputFormat = 'table' | 'json'

export type Row = Readonly<Record<string, unknown>>

const GAP = '  '
const CELL_CHARACTERS_MAX = 60

/** JSON keeps every member and whole int64s; a table shows the columns that are asked for. */
export function formatRows(
  rows: readonly Row[],
  columns: readonly string[],
  format: OutputFormat,
): string {
  if (format === 'json') return `${formatJson(rows, 2)}\n`
  const header = columns.map((column) => column.replaceAll('_', ' ').toUpperCase())
  const cells = rows.map((row) => columns.map((column) => cell(row[column])))
  const widths = columns.map((_, i) =>
    Math.max(...[header, ...cells].map((line) => width(line[i]))),
  )
  const isNumeric = columns.map((column) => rows.every((row) => isNumber(row[column])))
  const lines = [header, ...cells].map((line) =>
    line
      .map((text, i) =>
        isNumeric[i] ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0),
      )
      .join(GAP)
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

/** One thing with many members: a line each, nested ones as JSON. */
export function formatRecord(record: Row, format: OutputFormat): string {
  if (format === 'json') return `${formatJson(record, 2)}\n`
  const lines = Object.entries(record).flatMap(([name, value]) => recordLines(name, value, ''))
  return `${lines.join('\n')}\n`
}

function recordLines(name: string, value: unknown, indent: string): string[] {
  if (!isPlainObject(value)) return [`${indent}${name}: ${plain(value)}`]
  const members = Object.entries(value).flatMap(([inner, each]) =>
    recordLines(inner, each, `${indent}  `),
  )
  return [`${indent}${name}:`, ...members]
}

function isPlainObject(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function cell(value: unknown): string {
  const text = plain(value)
  return text.length > CELL_CHARACTERS_MAX ? `${text.slice(0, CELL_CHARACTERS_MAX - 1)}…` : text
}

/** Control characters from the other side must not drive this terminal. */
function plain(value: unknown): string {
  if (value === undefined || value === null) return '-'
  const text = typeof value === 'string' ? value : formatJson(value)
  return text.replace(/\p{Cc}/gu, '�')
}

function width(text: string | undefined): number {
  return text?.length ?? 0
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint'
}
