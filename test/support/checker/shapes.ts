/**
 * The Avro schemas of manifest lists and manifests as the reference implementation writes them:
 * ids, names, types and nullability, transcribed from it and not from our encoder.
 */
import { type AvroNode, isUnion } from './avro.ts'

/** `id name type`; a type that ends in `?` is a union with null, which comes first. */
const MANIFEST_LIST = `
500 manifest_path string
501 manifest_length long
502 partition_spec_id int
517 content int
515 sequence_number long
516 min_sequence_number long
503 added_snapshot_id long
504 added_files_count int
505 existing_files_count int
506 deleted_files_count int
512 added_rows_count long
513 existing_rows_count long
514 deleted_rows_count long
507 partitions array<508:record>?
519 key_metadata bytes?`

const SUMMARY = `
509 contains_null boolean
518 contains_nan boolean?
510 lower_bound bytes?
511 upper_bound bytes?`

const MANIFEST = `
0 status int
1 snapshot_id long?
3 sequence_number long?
4 file_sequence_number long?
2 data_file record`

const DATA_FILE = `
134 content int
100 file_path string
101 file_format string
102 partition record
103 record_count long
104 file_size_in_bytes long
108 column_sizes map<117:int,118:long>?
109 value_counts map<119:int,120:long>?
110 null_value_counts map<121:int,122:long>?
137 nan_value_counts map<138:int,139:long>?
125 lower_bounds map<126:int,127:bytes>?
128 upper_bounds map<129:int,130:bytes>?
131 key_metadata bytes?
132 split_offsets array<133:long>?
135 equality_ids array<136:int>?
140 sort_order_id int?`

/** May be there in version 2, and must in version 3. */
const DATA_FILE_EXTRA = new Set([
  '143 referenced_data_file string?',
  '142 first_row_id long?',
  '144 content_offset long?',
  '145 content_size_in_bytes long?',
])
const MANIFEST_LIST_EXTRA = new Set(['520 first_row_id long?'])
const NONE = new Set<string>()

interface AvroField {
  readonly name: string
  readonly type: AvroNode
  readonly default?: unknown
  readonly 'field-id'?: number
}

export function manifestListShape(schema: AvroNode, formatVersion: number): string[] {
  const faults = compare(schema, MANIFEST_LIST, MANIFEST_LIST_EXTRA, formatVersion)
  const partitions = fieldOf(schema, 507)
  if (partitions !== undefined) faults.push(...compare(partitions, SUMMARY, NONE, formatVersion))
  return faults
}

/** The partition record is another one for each spec: `partitionIds` are the ids of its fields. */
export function manifestShape(
  schema: AvroNode,
  formatVersion: number,
  partitionIds: readonly number[],
): string[] {
  const faults = compare(schema, MANIFEST, NONE, formatVersion)
  const dataFile = fieldOf(schema, 2)
  if (dataFile === undefined) return faults
  faults.push(...compare(dataFile, DATA_FILE, DATA_FILE_EXTRA, formatVersion))
  const partition = fieldsOf(fieldOf(dataFile, 102))
  const ids = partition.map((field) => field['field-id'])
  if (ids.join() !== partitionIds.join()) {
    faults.push(`partition record has the ids ${ids.join()}, not ${partitionIds.join()}`)
  }
  for (const field of partition) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(field.name)) faults.push(`${field.name} is no Avro name`)
    if (!isUnion(field.type) || field.type[0] !== 'null' || field.default !== null) {
      faults.push(`partition field ${field.name} is not an optional`)
    }
  }
  return faults
}

/** The names under which values of the partition record are found, in the spec's order. */
export function partitionNames(schema: AvroNode): string[] {
  return fieldsOf(fieldOf(fieldOf(schema, 2) ?? 'null', 102)).map(({ name }) => name)
}

/** The type of each partition field without its null. */
export function partitionAvroTypes(schema: AvroNode): AvroNode[] {
  return fieldsOf(fieldOf(fieldOf(schema, 2) ?? 'null', 102)).map(({ type }) => withoutNull(type))
}

function compare(
  schema: AvroNode,
  expected: string,
  extra: ReadonlySet<string>,
  formatVersion: number,
): string[] {
  const lines = expected.trim().split('\n')
  const found = fieldsOf(schema).map(describe)
  const required = formatVersion >= 3 ? [...lines, ...extra] : lines
  const faults = required
    .filter((line) => !found.includes(line))
    .map((line) => `the Avro schema has no field "${line}"`)
  for (const line of found) {
    if (!lines.includes(line) && !extra.has(line)) faults.push(`unexpected Avro field "${line}"`)
  }
  for (const field of fieldsOf(schema)) {
    if (isUnion(field.type) && field.default !== null) {
      faults.push(`optional Avro field ${field.name} has no default null`)
    }
  }
  return faults
}

function describe({ name, type, 'field-id': id }: AvroField): string {
  return `${String(id)} ${name} ${describeType(type)}`
}

function describeType(node: AvroNode): string {
  if (typeof node === 'string') return node
  if (isUnion(node)) {
    const [first, second, ...more] = node
    if (first !== 'null' || second === undefined || more.length > 0) {
      return `union of ${node.map(describeType).join()}`
    }
    return `${describeType(second)}?`
  }
  if (node['type'] === 'record') return 'record'
  if (node['type'] !== 'array') return `wrapped ${JSON.stringify(node)}`
  const items = node['items'] as AvroNode
  if (node['logicalType'] !== 'map') {
    return `array<${String(node['element-id'])}:${describeType(items)}>`
  }
  const [key, value] = fieldsOf(items)
  if (key?.name !== 'key' || value?.name !== 'value') return 'map without key and value'
  return `map<${key['field-id']}:${describeType(key.type)},${value['field-id']}:${describeType(value.type)}>`
}

function fieldOf(schema: AvroNode, id: number): AvroNode | undefined {
  return fieldsOf(schema).find((field) => field['field-id'] === id)?.type
}

/** The fields of a record, also of one that is optional or the items of an array. */
function fieldsOf(schema: AvroNode | undefined): readonly AvroField[] {
  if (schema === undefined || typeof schema === 'string') return []
  const node = withoutNull(schema)
  if (typeof node === 'string' || isUnion(node)) return []
  if (node['type'] === 'array') return fieldsOf(node['items'] as AvroNode)
  return (node['fields'] ?? []) as readonly AvroField[]
}

function withoutNull(node: AvroNode): AvroNode {
  return isUnion(node) ? (node.find((branch) => branch !== 'null') ?? 'null') : node
}
