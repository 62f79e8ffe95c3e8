/**
 * What the reference implementation enforces when it loads table metadata, and what older readers
 * need beyond that.
 */
import { canonical, columnsOf, integer, isJson, type Json, list } from './json.ts'

const REQUIRED = [
  'format-version',
  'table-uuid',
  'location',
  'last-sequence-number',
  'last-updated-ms',
  'last-column-id',
  'schemas',
  'current-schema-id',
  'partition-specs',
  'default-spec-id',
  'last-partition-id',
  'sort-orders',
  'default-sort-order-id',
]
/** Optional by the specification, and demanded by one reader or another. */
const ALWAYS_WRITTEN = [
  'properties',
  'snapshots',
  'snapshot-log',
  'metadata-log',
  'refs',
  'statistics',
  'partition-statistics',
]
const RESERVED_PROPERTIES = [
  'format-version',
  'uuid',
  'current-snapshot-id',
  'current-schema',
  'default-partition-spec',
  'default-sort-order',
  'snapshot-count',
]
const CLOCK_SKEW_MS = 60_000n
const INT64_MAX = 2n ** 63n - 1n
const COLUMN_ID_MAX = 2_147_483_447
const TRANSFORM = /^(identity|year|month|day|hour|void|bucket\[[1-9]\d*\]|truncate\[[1-9]\d*\])$/
const OPERATIONS = ['append', 'replace', 'overwrite', 'delete']

export type Report = (fault: string) => void

export function checkTableMetadata(table: Json, report: Report): void {
  for (const key of [...REQUIRED, ...ALWAYS_WRITTEN]) {
    if (table[key] === undefined) report(`metadata has no ${key}`)
  }
  findNulls(table, 'metadata', report)
  const version = table['format-version']
  if (version !== 2 && version !== 3) report(`format-version is ${String(version)}`)
  if (version === 3 && integer(table['next-row-id']) === undefined)
    report('there is no next-row-id')
  if (version === 2 && table['next-row-id'] !== undefined) report('version 2 has a next-row-id')
  const location = String(table['location'])
  if (!/^[a-z][a-z0-9+.-]*:/.test(location)) report(`location ${location} has no scheme`)
  if (location.endsWith('/')) report('location ends with a slash')
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(String(table['table-uuid']))) {
    report('table-uuid is no UUID')
  }
  for (const [key, value] of Object.entries(
    isJson(table['properties']) ? table['properties'] : {},
  )) {
    if (typeof value !== 'string') report(`property ${key} is no text`)
    if (RESERVED_PROPERTIES.includes(key)) report(`property ${key} is reserved`)
  }
  checkSchemas(table, report)
  checkSpecs(table, report)
  checkSortOrders(table, report)
  checkHistory(table, report)
  checkSnapshots(table, report)
}

function checkSchemas(table: Json, report: Report): void {
  const schemas = list(table['schemas'])
  unique(schemas, 'schema-id', 'schemas', report)
  if (!schemas.some((schema) => schema['schema-id'] === table['current-schema-id'])) {
    report('the current schema is not there')
  }
  for (const schema of schemas) {
    const columns = columnsOf(schema)
    const ids = columns.map(({ id }) => id)
    const name = `schema ${String(schema['schema-id'])}`
    if (schema['type'] !== 'struct') report(`${name} is no struct`)
    if (new Set(ids).size !== ids.length) report(`${name} has an id twice`)
    for (const { id, path, type, required } of columns) {
      if (!Number.isInteger(id) || id < 1 || id > COLUMN_ID_MAX) {
        report(`${name}: ${path} has the id ${id}`)
      }
      if (id > Number(table['last-column-id'])) {
        report(`${name}: ${path} has id ${id}, beyond last-column-id`)
      }
      if (type === 'undefined') report(`${name}: ${path} has no type`)
      if (type === 'unknown' && required) report(`${name}: ${path} is unknown and required`)
      if (/_ns$|^unknown$|^variant$/.test(type) && table['format-version'] === 2) {
        report(`${name}: ${path} has type ${type}, which version 2 has not`)
      }
    }
    const folded = list(schema['fields']).map((field) => String(field['name']).toLowerCase())
    if (new Set(folded).size !== folded.length) report(`${name} has names that differ in case only`)
    for (const id of (schema['identifier-field-ids'] ?? []) as readonly number[]) {
      const column = columns.find((candidate) => candidate.id === id)
      if (!column?.required || column.isRepeated || /^(float|double)$/.test(column.type)) {
        report(`${name}: identifier field ${id} is no required column that can identify`)
      }
    }
  }
}

function checkSpecs(table: Json, report: Report): void {
  const specs = list(table['partition-specs'])
  unique(specs, 'spec-id', 'partition-specs', report)
  if (!specs.some((spec) => spec['spec-id'] === table['default-spec-id'])) {
    report('the default partition spec is not there')
  }
  const meanings = new Map<number, string>()
  const columns = list(table['schemas']).flatMap(columnsOf)
  for (const spec of specs) {
    const fields = list(spec['fields'])
    unique(fields, 'field-id', `spec ${String(spec['spec-id'])}`, report)
    unique(fields, 'name', `spec ${String(spec['spec-id'])}`, report)
    for (const field of fields) {
      const id = Number(field['field-id'])
      const meaning = `${String(field['source-id'])} ${String(field['transform'])}`
      if (id < 1000) report(`partition field id ${id} is below 1000`)
      if (id > Number(table['last-partition-id'])) {
        report(`partition field id ${id} is beyond last-partition-id`)
      }
      if ((meanings.get(id) ?? meaning) !== meaning) {
        report(`partition field id ${id} means two things`)
      }
      meanings.set(id, meaning)
      if (!TRANSFORM.test(String(field['transform']))) {
        report(`unknown transform ${String(field['transform'])}`)
      }
      const source = columns.find((column) => column.id === field['source-id'])
      if (source === undefined) report(`partition field ${id} has no source column`)
      if (source?.isRepeated || /^(struct|list|map)$/.test(source?.type ?? '')) {
        report(`partition field ${id} has a source without one value a row`)
      }
    }
  }
}

function checkSortOrders(table: Json, report: Report): void {
  const orders = list(table['sort-orders'])
  unique(orders, 'order-id', 'sort-orders', report)
  if (!orders.some((order) => order['order-id'] === table['default-sort-order-id'])) {
    report('the default sort order is not there')
  }
  const ids = new Set(
    list(table['schemas'])
      .flatMap(columnsOf)
      .map(({ id }) => id),
  )
  for (const order of orders) {
    const fields = list(order['fields'])
    if ((order['order-id'] === 0) !== (fields.length === 0)) {
      report(`sort order ${String(order['order-id'])} has ${fields.length} fields`)
    }
    for (const field of fields) {
      if (!ids.has(Number(field['source-id']))) report('a sort field has no source column')
      if (!['asc', 'desc'].includes(String(field['direction'])))
        report('a sort field has no direction')
      if (!['nulls-first', 'nulls-last'].includes(String(field['null-order']))) {
        report('a sort field has no null-order')
      }
      if (!TRANSFORM.test(String(field['transform']))) report('a sort field has no transform')
    }
  }
}

function checkHistory(table: Json, report: Report): void {
  const updated = integer(table['last-updated-ms']) ?? 0n
  const ids = list(table['snapshots']).map((snapshot) => integer(snapshot['snapshot-id']))
  for (const log of ['snapshot-log', 'metadata-log']) {
    const entries = list(table[log])
    const times = entries.map((entry) => integer(entry['timestamp-ms']) ?? 0n)
    times.forEach((time, i) => {
      if (i > 0 && time < (times[i - 1] ?? 0n) - CLOCK_SKEW_MS) report(`${log} goes back in time`)
      if (updated < time - CLOCK_SKEW_MS) report(`last-updated-ms is before an entry of ${log}`)
    })
    for (const entry of log === 'snapshot-log' ? entries : []) {
      if (!ids.includes(integer(entry['snapshot-id'])))
        report('snapshot-log names an absent snapshot')
    }
  }
  const current = integer(table['current-snapshot-id'])
  const refs = isJson(table['refs']) ? table['refs'] : {}
  const main = isJson(refs['main']) ? integer(refs['main']['snapshot-id']) : undefined
  if ((current === -1n || current === undefined ? undefined : current) !== main) {
    report('refs.main is not the current snapshot')
  }
  const last = integer(list(table['snapshot-log']).at(-1)?.['snapshot-id'])
  if (main !== undefined && last !== main) report('snapshot-log does not end with the current one')
  for (const [name, ref] of Object.entries(refs)) {
    if (!isJson(ref) || !ids.includes(integer(ref['snapshot-id'])))
      report(`ref ${name} is dangling`)
    if (isJson(ref) && !['branch', 'tag'].includes(String(ref['type'])))
      report(`ref ${name} has no type`)
  }
}

function checkSnapshots(table: Json, report: Report): void {
  const snapshots = list(table['snapshots'])
  unique(snapshots, 'snapshot-id', 'snapshots', report)
  const schemaIds = list(table['schemas']).map((schema) => schema['schema-id'])
  for (const snapshot of snapshots) {
    const id = integer(snapshot['snapshot-id']) ?? 0n
    const fault = (text: string) => report(`snapshot ${id} ${text}`)
    if (id <= 0n || id > INT64_MAX) fault('has an id that is no positive int64')
    const sequence = integer(snapshot['sequence-number']) ?? -1n
    if (sequence < 1n) fault('has no sequence number')
    if (sequence > (integer(table['last-sequence-number']) ?? 0n)) {
      fault('has a sequence number beyond the last')
    }
    const parent = snapshots.find(
      (other) => integer(other['snapshot-id']) === integer(snapshot['parent-snapshot-id']),
    )
    if (parent !== undefined && (integer(parent['sequence-number']) ?? 0n) >= sequence) {
      fault('does not follow its parent')
    }
    if (!schemaIds.includes(snapshot['schema-id'])) fault('has no schema')
    if (integer(snapshot['timestamp-ms']) === undefined) fault('has no time')
    if (typeof snapshot['manifest-list'] !== 'string') fault('has no manifest list')
    const summary = isJson(snapshot['summary']) ? snapshot['summary'] : {}
    if (!OPERATIONS.includes(String(summary['operation']))) fault('has no operation')
    for (const [key, value] of Object.entries(summary)) {
      if (typeof value !== 'string') fault(`has a summary whose ${key} is no text`)
    }
    if (table['format-version'] === 3) {
      if (integer(snapshot['first-row-id']) === undefined) fault('has no first-row-id')
      if (integer(snapshot['added-rows']) === undefined) fault('has no added-rows')
    }
  }
}

/** What must hold from one version of the metadata to the next. */
export function checkSuccession(older: Json, newer: Json, report: Report): void {
  for (const key of [
    'last-sequence-number',
    'last-column-id',
    'last-partition-id',
    'next-row-id',
  ]) {
    if ((integer(newer[key]) ?? 0n) < (integer(older[key]) ?? 0n)) report(`${key} went back`)
  }
  if (older['table-uuid'] !== newer['table-uuid']) report('the table changed its uuid')
  for (const [key, id] of [
    ['schemas', 'schema-id'],
    ['partition-specs', 'spec-id'],
    ['sort-orders', 'order-id'],
  ] as const) {
    const before = new Map(list(older[key]).map((item) => [item[id], canonical(item)]))
    for (const item of list(newer[key])) {
      const known = before.get(item[id])
      if (known !== undefined && known !== canonical(item)) {
        report(`${id} ${String(item[id])} changed its meaning`)
      }
    }
  }
}

/** The reference implementation cannot read a field that is present and null. */
function findNulls(value: unknown, path: string, report: Report): void {
  if (value === null && !path.endsWith('.current-snapshot-id')) report(`${path} is null`)
  if (Array.isArray(value)) value.forEach((item, i) => findNulls(item, `${path}[${i}]`, report))
  if (!isJson(value)) return
  for (const [key, item] of Object.entries(value)) findNulls(item, `${path}.${key}`, report)
}

function unique(items: readonly Json[], key: string, where: string, report: Report): void {
  const values = items.map((item) => canonical(item[key]))
  if (new Set(values).size !== values.length) report(`${where} has a ${key} twice`)
}
