/**
 * Reads a table with code that is not ours: icebird finds the live data files from the metadata,
 * DuckDB reads the Parquet. Our own reader would share our mistakes.
 */

import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { icebergManifests, icebergMetadata } from 'icebird'

export interface LiveFile {
  readonly path: string
  readonly recordCount: number
  readonly bytes: number
  /** Undefined when the manifest says nothing. */
  readonly sortOrderId: number | undefined
}

export interface IndependentTable {
  readonly files: readonly LiveFile[]
  readonly totalRecords: number
  /** Runs SQL in which `rows` is the whole table; bigint stays bigint. */
  query(sql: string): Promise<Record<string, unknown>[]>
}

/** Where the embedded catalog says that a table's metadata is; undefined before it is created. */
export function metadataLocation(catalogPath: string, table: string): string | undefined {
  const database = new DatabaseSync(catalogPath, { readOnly: true })
  try {
    const [namespace, name] = ['default', ...table.split('.')].slice(-2)
    const row = database
      .prepare(
        'SELECT metadata_location AS location FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?',
      )
      .get('default', namespace ?? '', name ?? '')
    return row?.['location'] as string | undefined
  } finally {
    database.close()
  }
}

export async function readTable(location: string): Promise<IndependentTable> {
  const files = await withFileFetch(() => liveFiles(location))
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run("SET TimeZone = 'UTC'")
  await defineRows(connection, files)
  return {
    files,
    totalRecords: files.reduce((sum, file) => sum + file.recordCount, 0),
    query: async (sql) => (await connection.runAndReadAll(sql)).getRowObjects(),
  }
}

async function liveFiles(location: string): Promise<LiveFile[]> {
  const [tableUrl, metadataFileName] = splitLocation(location)
  const metadata = await icebergMetadata({ tableUrl, metadataFileName })
  const current = metadata['current-snapshot-id']
  if (current === undefined || current < 0) return []
  const manifests = await icebergManifests(metadata)
  return manifests
    .flatMap(({ entries }) => entries)
    .filter(({ status }) => status !== 2)
    .map(({ data_file: file }) => ({
      path: fileURLToPath(file.file_path),
      recordCount: Number(file.record_count),
      bytes: Number(file.file_size_in_bytes),
      sortOrderId: file.sort_order_id ?? undefined,
    }))
}

async function defineRows(connection: DuckDBConnection, files: readonly LiveFile[]): Promise<void> {
  if (files.length === 0) return
  const list = files.map((file) => `'${file.path.replaceAll("'", "''")}'`).join(', ')
  await connection.run(
    `CREATE VIEW rows AS SELECT * FROM read_parquet([${list}], union_by_name = true)`,
  )
}

/** icebird joins `<table>/metadata/<file name>`. */
function splitLocation(location: string): [string, string] {
  const directory = path.posix.dirname(path.posix.dirname(location))
  return [directory, path.posix.basename(location)]
}

/** icebird fetches; Node's fetch does not read `file:` URLs. */
async function withFileFetch<T>(action: () => Promise<T>): Promise<T> {
  const original = globalThis.fetch
  globalThis.fetch = async (input) => {
    const url = String(input instanceof Request ? input.url : input)
    if (!url.startsWith('file:')) throw new TypeError(`only files are read here, not ${url}`)
    return new Response(new Uint8Array(await readFile(fileURLToPath(url))))
  }
  try {
    return await action()
  } finally {
    globalThis.fetch = original
  }
}
