/** A snapshot against its manifest list, the manifests, and the files that they name. */
import { type PlainAvro, readAvro } from './avro.ts'
import { checkDataFile, checkFileRow, type DescribedFile } from './data-file.ts'
import { canonical, integer, isJson, type Json, list } from './json.ts'
import { manifestListShape, manifestShape, partitionAvroTypes, partitionNames } from './shapes.ts'
import type { Report } from './table.ts'
import { type Comparable, compare, decodeBound } from './values.ts'

/** Undefined when there is no such object. */
export type ReadObject = (location: string) => Promise<Uint8Array | undefined>

export interface SnapshotCheck {
  readonly table: Json
  readonly read: ReadObject
  /** False where a stand-in writes the data files: then only existence and size are judged. */
  readonly isParquet: boolean
  readonly report: Report
  /** Manifests that were judged before, by location. */
  readonly seen: Map<string, ManifestFacts>
}

interface Entry {
  readonly status: number
  readonly sequence: bigint | undefined
  readonly snapshotId: bigint | undefined
  readonly path: string
  readonly records: bigint
  readonly bytes: bigint
  readonly partition: readonly (Comparable | undefined)[]
}

export interface ManifestFacts {
  readonly bytes: number
  readonly entries: readonly Entry[]
}

/** @returns rows of the manifest list by manifest, to compare with the child's. */
export async function checkSnapshot(
  snapshot: Json,
  parentRows: ReadonlyMap<string, string> | undefined,
  check: SnapshotCheck,
): Promise<ReadonlyMap<string, string>> {
  const id = integer(snapshot['snapshot-id']) ?? 0n
  const report: Report = (text) => check.report(`snapshot ${id}: ${text}`)
  const location = String(snapshot['manifest-list'])
  const bytes = await check.read(location)
  if (bytes === undefined) {
    report(`the manifest list ${location} is not there`)
    return new Map()
  }
  const avro = readAvro(bytes)
  checkListHeader(avro, snapshot, check.table, report)
  const rows = new Map(avro.rows.map((row) => [String(row['manifest_path']), canonical(row)]))
  if (rows.size !== avro.rows.length) report('a manifest is listed twice')
  const live: Entry[] = []
  const added: Entry[] = []
  for (const row of avro.rows) {
    const path = String(row['manifest_path'])
    const name = `manifest ${path.split('/').at(-1)}`
    const fault: Report = (text) => report(`${name} ${text}`)
    const isCarried = row['added_snapshot_id'] !== id
    if (isCarried && parentRows && parentRows.get(path) !== rows.get(path)) {
      fault('was carried over and is not what the parent lists')
    }
    const facts =
      check.seen.get(path) ?? (await checkManifest(path, row, { ...check, report: fault }))
    if (facts === undefined) continue
    check.seen.set(path, facts)
    checkRow(row, facts, { snapshot, table: check.table, report: fault })
    live.push(...facts.entries.filter(({ status }) => status !== 2))
    if (!isCarried) added.push(...facts.entries.filter(({ status }) => status === 1))
  }
  const paths = live.map(({ path }) => path)
  if (new Set(paths).size !== paths.length) report('a data file is live twice')
  checkSummary(snapshot, live, added, report)
  return rows
}

function checkListHeader(avro: PlainAvro, snapshot: Json, table: Json, report: Report): void {
  const version = Number(table['format-version'])
  for (const fault of manifestListShape(avro.schema, version)) report(`manifest list: ${fault}`)
  const parent = integer(snapshot['parent-snapshot-id'])
  const expected: Record<string, string> = {
    'snapshot-id': String(integer(snapshot['snapshot-id'])),
    'parent-snapshot-id': String(parent ?? null),
    'sequence-number': String(integer(snapshot['sequence-number'])),
    'format-version': String(version),
  }
  if (version === 3) expected['first-row-id'] = String(integer(snapshot['first-row-id']))
  for (const [key, value] of Object.entries(expected)) {
    if (avro.metadata[key] !== value) {
      report(`manifest list has ${key} ${String(avro.metadata[key])}, not ${value}`)
    }
  }
}

async function checkManifest(
  path: string,
  listed: Json,
  check: SnapshotCheck,
): Promise<ManifestFacts | undefined> {
  const { table, report } = check
  const bytes = await check.read(path)
  if (bytes === undefined) {
    report('is not there')
    return undefined
  }
  const avro = readAvro(bytes)
  const spec = list(table['partition-specs']).find(
    (candidate) => candidate['spec-id'] === listed['partition_spec_id'],
  )
  const schema = checkManifestHeader(avro, { spec, table, listed, report })
  if (spec === undefined || schema === undefined) return undefined
  const ids = list(spec['fields']).map((field) => Number(field['field-id']))
  const version = Number(avro.metadata['format-version'])
  for (const fault of manifestShape(avro.schema, version, ids)) report(fault)
  const names = partitionNames(avro.schema)
  const types = partitionAvroTypes(avro.schema)
  const entries: Entry[] = []
  for (const row of avro.rows) {
    const file = row['data_file'] as Json
    const values = file['partition'] as Json
    const partition = names.map((name, i) => comparable(values[name], types[i]))
    const fault: Report = (text) =>
      report(`: ${String(file['file_path']).split('/').at(-1)} ${text}`)
    entries.push(checkEntry(row, partition, { listed, report: fault }))
    await checkFile({ row: file, schema, spec, partition }, { ...check, report: fault })
  }
  return { bytes: bytes.length, entries }
}

function checkManifestHeader(
  avro: PlainAvro,
  about: { spec: Json | undefined; table: Json; listed: Json; report: Report },
): Json | undefined {
  const { spec, table, listed, report } = about
  const { metadata } = avro
  if (spec === undefined)
    report(`has spec ${String(listed['partition_spec_id'])}, which is not there`)
  const expected = {
    'partition-spec-id': String(listed['partition_spec_id']),
    content: listed['content'] === 1 ? 'deletes' : 'data',
  }
  for (const [key, value] of Object.entries(expected)) {
    if (metadata[key] !== value) report(`has ${key} ${String(metadata[key])}, not ${value}`)
  }
  if (!['2', '3'].includes(metadata['format-version'] ?? '')) report('has no format-version')
  const fields = JSON.parse(metadata['partition-spec'] ?? 'null') as unknown
  if (canonical(fields) !== canonical(spec?.['fields'])) report('has another partition-spec')
  const schema = list(table['schemas']).find(
    (candidate) => String(candidate['schema-id']) === metadata['schema-id'],
  )
  const own = JSON.parse(metadata['schema'] ?? 'null') as unknown
  if (schema === undefined)
    report(`has schema ${String(metadata['schema-id'])}, which is not there`)
  else if (canonical(own) !== canonical(schema)) report('has a schema that is not the table’s')
  return isJson(own) ? own : undefined
}

function checkEntry(
  row: Json,
  partition: Entry['partition'],
  { listed, report }: { listed: Json; report: Report },
): Entry {
  const status = Number(row['status'])
  const file = row['data_file'] as Json
  const own = integer(row['sequence_number'])
  const isAdded = status === 1
  if (![0, 1, 2].includes(status)) report(`has status ${status}`)
  if (!isAdded && (own === undefined || integer(row['file_sequence_number']) === undefined)) {
    report('is carried without its sequence numbers')
  }
  if (
    isAdded &&
    row['snapshot_id'] !== null &&
    row['snapshot_id'] !== listed['added_snapshot_id']
  ) {
    report('was added by another snapshot than its manifest')
  }
  return {
    status,
    sequence: own ?? integer(listed['sequence_number']),
    snapshotId: integer(row['snapshot_id']),
    path: String(file['file_path']),
    records: integer(file['record_count']) ?? 0n,
    bytes: integer(file['file_size_in_bytes']) ?? 0n,
    partition,
  }
}

async function checkFile(described: DescribedFile, check: SnapshotCheck): Promise<void> {
  const { read, report, isParquet } = check
  const { row } = described
  try {
    if (isParquet) checkFileRow(described, report)
    const bytes = await read(String(row['file_path']))
    if (bytes === undefined) return report('is not there')
    if (BigInt(bytes.length) !== row['file_size_in_bytes']) {
      report(`has ${bytes.length} bytes, not ${String(row['file_size_in_bytes'])}`)
    }
    if (isParquet) checkDataFile(described, bytes, report)
  } catch (error) {
    report(`cannot be read: ${String(error)}`)
  }
}

function checkRow(
  row: Json,
  { bytes, entries }: ManifestFacts,
  about: { snapshot: Json; table: Json; report: Report },
): void {
  const { snapshot, table, report } = about
  if (row['manifest_length'] !== BigInt(bytes)) report(`has ${bytes} bytes, not manifest_length`)
  for (const [status, name] of ['existing', 'added', 'deleted'].entries()) {
    const some = entries.filter((entry) => entry.status === status)
    const records = some.reduce((total, entry) => total + entry.records, 0n)
    if (row[`${name}_files_count`] !== some.length) report(`has ${some.length} ${name} files`)
    if (row[`${name}_rows_count`] !== records) report(`has ${records} ${name} rows`)
  }
  const sequence = integer(row['sequence_number']) ?? 0n
  if (sequence > (integer(snapshot['sequence-number']) ?? 0n)) report('comes after its snapshot')
  const live = entries.filter(({ status }) => status !== 2)
  const least = live.reduce((low, entry) => {
    const own = entry.sequence ?? 0n
    return own < low ? own : low
  }, sequence)
  if (live.length > 0 && row['min_sequence_number'] !== least) {
    report(`has files of sequence ${least}, not min_sequence_number`)
  }
  if (entries.length === 0) report('is empty')
  const spec = list(table['partition-specs']).find(
    (candidate) => candidate['spec-id'] === row['partition_spec_id'],
  )
  const summaries = row['partitions'] === null ? [] : list(row['partitions'])
  if (spec !== undefined) checkSummaries(summaries, live, { spec, table, report })
}

function checkSummaries(
  summaries: readonly Json[],
  live: readonly Entry[],
  { spec, table, report }: { spec: Json; table: Json; report: Report },
): void {
  const fields = list(spec['fields'])
  if (summaries.length !== fields.length) {
    return report(`has ${summaries.length} summaries for ${fields.length} partition fields`)
  }
  fields.forEach((field, i) => {
    const summary = summaries[i] ?? {}
    const values = live.map(({ partition }) => partition[i])
    const name = String(field['name'])
    if (values.includes(undefined) && summary['contains_null'] !== true) {
      report(`hides the nulls of partition ${name}`)
    }
    const isNan = (value: unknown) => typeof value === 'number' && Number.isNaN(value)
    if (values.some(isNan) && summary['contains_nan'] === false) {
      report(`hides the NaN of partition ${name}`)
    }
    const type = summaryType(field, table)
    const lower = summary['lower_bound'] as Buffer | null
    const upper = summary['upper_bound'] as Buffer | null
    for (const value of values) {
      if (value === undefined || isNan(value) || type === undefined) continue
      if (lower !== null && compare(decodeBound(type, lower), value) > 0) {
        report(`has a lower bound of partition ${name} above a file`)
      }
      if (upper !== null && compare(decodeBound(type, upper), value) < 0) {
        report(`has an upper bound of partition ${name} below a file`)
      }
    }
  })
}

/** The type of a partition's bounds; undefined when the source column is gone. */
function summaryType(field: Json, table: Json): string | undefined {
  const transform = String(field['transform'])
  if (/^(bucket|year|month|hour)/.test(transform)) return 'int'
  if (transform === 'day') return 'date'
  const fields = list(table['schemas']).toReversed().flatMap(flatten)
  const source = fields.find((candidate) => candidate['id'] === field['source-id'])
  return source === undefined || isJson(source['type']) ? undefined : String(source['type'])
}

function flatten(struct: Json): Json[] {
  return list(struct['fields']).flatMap((field) => [
    field,
    ...(isJson(field['type']) ? flatten(field['type']) : []),
  ])
}

function checkSummary(
  snapshot: Json,
  live: readonly Entry[],
  added: readonly Entry[],
  report: Report,
): void {
  const summary = isJson(snapshot['summary']) ? snapshot['summary'] : {}
  const sum = (entries: readonly Entry[], key: 'records' | 'bytes') =>
    entries.reduce((total, entry) => total + entry[key], 0n)
  const facts: Record<string, bigint> = {
    'total-records': sum(live, 'records'),
    'total-data-files': BigInt(live.length),
    'total-files-size': sum(live, 'bytes'),
    'added-records': sum(added, 'records'),
    'added-data-files': BigInt(added.length),
    'added-files-size': sum(added, 'bytes'),
  }
  for (const [key, value] of Object.entries(facts)) {
    const said = summary[key]
    if (said === undefined && (key.startsWith('total-') || value > 0n)) report(`has no ${key}`)
    if (said !== undefined && said !== String(value))
      report(`says ${key} ${canonical(said)}, not ${value}`)
    if (key.startsWith('added-') && said === '0') report(`says ${key} 0 instead of nothing`)
  }
  for (const key of ['total-delete-files', 'total-position-deletes', 'total-equality-deletes']) {
    if (summary[key] === undefined) report(`has no ${key}`)
  }
  const changed = new Set(added.map(({ partition }) => partition.map(textOf).join())).size
  const said = summary['changed-partition-count']
  if (summary['operation'] === 'append' && said !== undefined && said !== String(changed)) {
    report(`says changed-partition-count ${canonical(said)}, not ${changed}`)
  }
}

function textOf(value: Comparable | undefined): string {
  return Buffer.isBuffer(value) ? `x${value.toString('hex')}` : String(value)
}

/** A partition value as `values.ts` compares them. */
function comparable(value: unknown, type: unknown): Comparable | undefined {
  if (value === null || value === undefined) return undefined
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'string') return Buffer.from(value)
  const isDecimal = isJson(type) && type['logicalType'] === 'decimal'
  if (Buffer.isBuffer(value)) return isDecimal ? decodeBound('decimal', value) : value
  if (typeof value === 'bigint') return value
  const isFloat = type === 'float' || type === 'double'
  return isFloat ? Number(value) : BigInt(Number(value))
}
