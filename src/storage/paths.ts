/**
 * Every object name in one place. Pure.
 *
 *     <warehouse>/<tenant>/<namespace levels joined by '.'>/<table>[-<suffix>]
 *       metadata/<version>-<uuid>.metadata.json
 *       metadata/snap-<snapshot id>-<attempt>-<uuid>.avro      manifest list
 *       metadata/<uuid>-m<n>.avro                              manifest
 *       metadata/version-hint.text
 *       data/<from>-<to>-<log id>-<epoch>-<attempt>-<n>.parquet
 *
 * Promises: letters, digits, '-', '_' and '.' only below the warehouse, so no reader escapes
 * anything; no table's directory lies inside another's (names hold no '.'), so a sweep of one
 * never meets the files of another.
 */
import type { TableIdentifier } from '../names.ts'

const METADATA_DIRECTORY = 'metadata'
const DATA_DIRECTORY = 'data'
const METADATA_SUFFIX = '.metadata.json'
const VERSION_DIGITS = 5
/** As many digits as the largest u64 has: names sort as their sequences do. */
const SEQUENCE_DIGITS = 20

const METADATA_NAME = /\/metadata\/(\d{1,9})-([0-9A-Za-z-]+)\.metadata\.json$/
const DATA_FILE_NAME =
  /\/data\/(\d{20})-(\d{20})-([0-9A-Za-z]+)-(\d+)-([0-9A-Za-z]+)-(\d+)\.parquet$/

/** Where a table lives. The suffix tells a table made anew from the files of its namesake. */
export function tableLocation(
  warehouse: string,
  { tenant, namespace, name }: TableIdentifier,
  suffix?: string,
): string {
  const directory = suffix === undefined ? name : `${name}-${suffix}`
  return `${tenantLocation(warehouse, tenant)}/${namespace.join('.')}/${directory}`
}

/** Everything that belongs to a tenant lies below it. */
export function tenantLocation(warehouse: string, tenant: string): string {
  return `${warehouse.replace(/\/+$/, '')}/${tenant}`
}

export function metadataLocation(table: string, version: number, uuid: string): string {
  const padded = String(version).padStart(VERSION_DIGITS, '0')
  return `${table}/${METADATA_DIRECTORY}/${padded}-${uuid}${METADATA_SUFFIX}`
}

/** The version after that of a metadata file; 0 when its name, given by another, tells none. */
export function nextMetadataVersion(location: string): number {
  const version = METADATA_NAME.exec(location)?.[1]
  return version === undefined ? 0 : Number(version) + 1
}

/** True for a metadata file directly in the table's own metadata directory. */
export function isMetadataOf(table: string, location: string): boolean {
  const directory = `${table}/${METADATA_DIRECTORY}/`
  return (
    location.startsWith(directory) &&
    location.endsWith(METADATA_SUFFIX) &&
    !location.slice(directory.length).includes('/')
  )
}

export function versionHintLocation(table: string): string {
  return `${table}/${METADATA_DIRECTORY}/version-hint.text`
}

/**
 * What the hint says of a metadata file: `<version>-<uuid>`, which DuckDB completes to its name.
 * Undefined for a file that it could not complete: of another name or in another directory.
 */
export function versionHint(table: string, location: string): string | undefined {
  const match = METADATA_NAME.exec(location)
  return match && isMetadataOf(table, location) ? `${match[1]}-${match[2]}` : undefined
}

export function manifestLocation(table: string, uuid: string, n: number): string {
  return `${table}/${METADATA_DIRECTORY}/${uuid}-m${n}.avro`
}

export interface ManifestListName {
  readonly snapshotId: bigint
  readonly attempt: number
  readonly uuid: string
}

export function manifestListLocation(table: string, name: ManifestListName): string {
  const { snapshotId, attempt, uuid } = name
  return `${table}/${METADATA_DIRECTORY}/snap-${snapshotId}-${attempt}-${uuid}.avro`
}

/** Which part of which log a data file holds, and which attempt wrote it. */
export interface DataFileName {
  /** First and last log sequence, both included. */
  readonly from: bigint
  readonly to: bigint
  readonly logId: string
  readonly epoch: bigint
  /** A ULID, so that two attempts at one range never meet in one name. */
  readonly attempt: string
  readonly n: number
}

export function dataFileLocation(table: string, name: DataFileName): string {
  const range = [name.from, name.to].map((s) => String(s).padStart(SEQUENCE_DIGITS, '0')).join('-')
  const file = `${range}-${name.logId}-${name.epoch}-${name.attempt}-${name.n}.parquet`
  return `${dataDirectory(table)}/${file}`
}

/** Undefined for a file that {@link dataFileLocation} did not name. */
export function parseDataFileLocation(location: string): DataFileName | undefined {
  const [, from, to, logId, epoch, attempt, n] = DATA_FILE_NAME.exec(location) ?? []
  if (!from || !to || !logId || !epoch || !attempt || !n) return undefined
  return { from: BigInt(from), to: BigInt(to), logId, epoch: BigInt(epoch), attempt, n: Number(n) }
}

export function dataDirectory(table: string): string {
  return `${table}/${DATA_DIRECTORY}`
}
