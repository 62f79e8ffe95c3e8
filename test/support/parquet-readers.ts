/** Parquet files through readers that are not ours. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBInstance,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  DuckDBUUIDValue,
} from '@duckdb/node-api'
import { parquetMetadata } from 'hyparquet'

export interface DuckReader {
  /** The rows of files, in order, in the shapes of {@link plain}. */
  rows(...files: readonly Uint8Array[]): Promise<Record<string, unknown>[]>
  /** Column names and DuckDB's types. */
  types(file: Uint8Array): Promise<Record<string, string>>
  close(): Promise<void>
}

export async function openDuckReader(): Promise<DuckReader> {
  const folder = await mkdtemp(join(tmpdir(), 'frazil-parquet-'))
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  const onFile = async <T>(file: Uint8Array, use: (path: string) => Promise<T>) => {
    const path = join(folder, `${randomUUID()}.parquet`)
    await writeFile(path, file)
    return use(path)
  }
  return {
    rows: async (...files) => {
      const rows: Record<string, unknown>[] = []
      for (const file of files) rows.push(...(await onFile(file, (path) => read(connection, path))))
      return rows
    },
    types: (file) =>
      onFile(file, async (path) => {
        const result = await connection.runAndReadAll(`describe select * from '${path}'`)
        const pairs = result
          .getRowObjects()
          .map((row) => [row['column_name'], row['column_type']] as [string, string])
        return Object.fromEntries(pairs)
      }),
    close: async () => {
      connection.closeSync()
      instance.closeSync()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function read(connection: DuckDBConnection, path: string) {
  const result = await connection.runAndReadAll(
    `select * from read_parquet('${path}', file_row_number = true) order by file_row_number`,
  )
  return result.getRowObjects().map((row) => {
    const { file_row_number: _, ...columns } = row
    return plain(columns) as Record<string, unknown>
  })
}

/**
 * Values that compare with `deep.equal`: dates as days, times and timestamps as bigint, decimals as
 * unscaled bigint, bytes and UUIDs as hex, maps as pairs.
 */
export function plain(value: unknown): unknown {
  if (value === null || value === undefined) return null
  if (value instanceof DuckDBDateValue) return value.days
  if (value instanceof DuckDBTimeValue) return value.micros
  if (value instanceof DuckDBTimestampNanosecondsValue) return value.nanos
  if (value instanceof DuckDBTimestampTZValue || value instanceof DuckDBTimestampValue) {
    return value.micros
  }
  if (value instanceof DuckDBDecimalValue) return value.value
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString('hex')
  if (value instanceof DuckDBUUIDValue) return value.toString().replaceAll('-', '')
  if (value instanceof DuckDBListValue) return value.items.map(plain)
  if (value instanceof DuckDBMapValue) {
    return value.entries.map(({ key, value }) => [plain(key), plain(value)])
  }
  if (value instanceof DuckDBStructValue) return plain(value.entries)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
  }
  return value
}

export function hyparquetFooter(file: Uint8Array) {
  const { buffer, byteOffset, byteLength } = file
  return parquetMetadata(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer)
}
