/**
 * Judges a table from its metadata file down to the footers of its data files, by what the
 * reference implementation enforces and by what one reader or another cannot do without.
 *
 * Shares no decoding with the product: its own Avro, plain JSON, and hyparquet's Thrift.
 */
import { readFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { integer, type Json, list, readJson } from './checker/json.ts'
import {
  checkSnapshot,
  type ManifestFacts,
  type ReadObject,
  type SnapshotCheck,
} from './checker/snapshot.ts'
import { checkSuccession, checkTableMetadata } from './checker/table.ts'

export type { ReadObject } from './checker/snapshot.ts'

export interface CheckOptions {
  /** Default: files. */
  readonly read?: ReadObject
  /** False where a stand-in writes the data files. Default true. */
  readonly isParquet?: boolean
}

const FAULTS_MAX = 50

/** Every fault of a table, its older metadata files and snapshots included. */
export async function tableFaults(location: string, options: CheckOptions = {}): Promise<string[]> {
  const { read = readFileUrl, isParquet = true } = options
  const faults = new Set<string>()
  const report = (fault: string) => {
    if (faults.size < FAULTS_MAX) faults.add(fault)
  }
  try {
    const table = await readMetadata(location, read)
    await checkVersions(table, location, { read, report })
    const seen = new Map<string, ManifestFacts>()
    await checkSnapshots({ table, read, isParquet, report, seen })
  } catch (error) {
    report(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  return [...faults]
}

/** @throws Error that lists the faults. */
export async function assertTableValid(location: string, options?: CheckOptions): Promise<void> {
  const faults = await tableFaults(location, options)
  if (faults.length === 0) return
  throw new Error(`${location} is not valid:\n  ${faults.join('\n  ')}`)
}

/** Every table of an embedded catalog; none when it was never made. @throws Error. */
export async function assertCatalogValid(catalogPath: string): Promise<void> {
  for (const location of metadataLocations(catalogPath)) await assertTableValid(location)
}

/** Where the metadata of each table is. */
export function metadataLocations(catalogPath: string): string[] {
  let database: DatabaseSync
  try {
    database = new DatabaseSync(catalogPath, { readOnly: true })
  } catch {
    return []
  }
  try {
    const rows = database.prepare('SELECT metadata_location AS location FROM iceberg_tables').all()
    return rows.map((row) => String(row['location']))
  } finally {
    database.close()
  }
}

/** Each metadata file by itself, and each against the one before. */
async function checkVersions(
  current: Json,
  location: string,
  { read, report }: Pick<SnapshotCheck, 'read' | 'report'>,
): Promise<void> {
  let older: Json | undefined
  for (const entry of list(current['metadata-log'])) {
    const path = String(entry['metadata-file'])
    const bytes = await read(path)
    // Deleted by age, as a table property may ask.
    if (bytes === undefined) continue
    const version = readJson(bytes)
    const fault = (text: string) => report(`${nameOf(path)}: ${text}`)
    checkTableMetadata(version, fault)
    if (older !== undefined) checkSuccession(older, version, fault)
    if (integer(entry['timestamp-ms']) !== integer(version['last-updated-ms'])) {
      fault('has another time than the metadata-log says')
    }
    older = version
  }
  const fault = (text: string) => report(`${nameOf(location)}: ${text}`)
  checkTableMetadata(current, fault)
  if (older !== undefined) checkSuccession(older, current, fault)
}

async function checkSnapshots(check: SnapshotCheck): Promise<void> {
  const rows = new Map<bigint, ReadonlyMap<string, string>>()
  const bySequence = [...list(check.table['snapshots'])].sort((a, b) =>
    Number((integer(a['sequence-number']) ?? 0n) - (integer(b['sequence-number']) ?? 0n)),
  )
  for (const snapshot of bySequence) {
    const parent = integer(snapshot['parent-snapshot-id'])
    const listed = await checkSnapshot(
      snapshot,
      parent === undefined ? undefined : rows.get(parent),
      check,
    )
    rows.set(integer(snapshot['snapshot-id']) ?? 0n, listed)
  }
}

async function readMetadata(location: string, read: ReadObject): Promise<Json> {
  const bytes = await read(location)
  if (bytes === undefined) throw new Error(`there is no ${location}`)
  return readJson(bytes)
}

function nameOf(location: string): string {
  return location.split('/').at(-1) ?? location
}

async function readFileUrl(location: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(location.startsWith('file:') ? fileURLToPath(location) : location)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
