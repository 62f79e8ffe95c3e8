/** The judge is judged: each defect that is planted in a valid table must be named. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { tableFromArrays } from 'apache-arrow'
import { expect } from 'chai'
import { decodeAvroFile, encodeAvroFile } from '../../src/iceberg/avro-file.ts'
import { parseJson, stringifyJson } from '../../src/json.ts'
import { readAvro } from '../support/checker/avro.ts'
import { list, readJson } from '../support/checker/json.ts'
import { metadataLocation } from '../support/independent-reader.ts'
import { assertTableValid, tableFaults } from '../support/metadata-checker.ts'
import { type RunningService, runService } from '../support/running-service.ts'

type Change = (bytes: Uint8Array) => Uint8Array | undefined
/** A path of keys and what belongs there; undefined takes the member or the item away. */
type Edit = readonly [path: string, value: unknown]

const idName = (id: number) => `i${id}`
const twice = (old: unknown) => [...(old as unknown[]), (old as unknown[])[0]]

function edit(root: unknown, [path, value]: Edit): void {
  const keys = path.split('/')
  const last = keys.pop() ?? ''
  let node = root as Record<string, unknown>
  for (const key of keys) node = node[key] as Record<string, unknown>
  const next: unknown = typeof value === 'function' ? value(node[last]) : value
  if (next !== undefined) node[last] = next
  else if (Array.isArray(node)) node.splice(Number(last), 1)
  else delete node[last]
}

function metadata(...change: Edit): Change {
  return (bytes) => {
    const table = parseJson(Buffer.from(bytes).toString('utf8'))
    edit(table, change)
    return Buffer.from(stringifyJson(table))
  }
}

/** Fields of records are called `i<field id>`. */
function avro(...change: Edit): Change {
  return (bytes) => {
    const file = structuredClone(decodeAvroFile(bytes, idName))
    for (const record of file.records) buffers(record)
    edit(file, change)
    return encodeAvroFile(file, idName)
  }
}

/** A clone has made bytes of every Buffer, and the encoder wants Buffers. */
function buffers(node: unknown): void {
  if (typeof node !== 'object' || node === null) return
  for (const [key, value] of Object.entries(node)) {
    if (value instanceof Uint8Array) (node as Record<string, unknown>)[key] = Buffer.from(value)
    else buffers(value)
  }
}

const row = (path: string, value: unknown) => avro(`records/0/${path}`, value)
const file = (path: string, value: unknown) => row(`i2/${path}`, value)
const bytes = (hex: string) => Buffer.from(hex, 'hex')

/** The header's schema alone; the records stay bytes that the old names explain. */
function schema(...change: Edit): Change {
  return (whole) => {
    const changed = structuredClone(readAvro(whole).schema)
    const text = JSON.stringify(changed)
    edit(changed, change)
    const padded = JSON.stringify(changed).padEnd(text.length)
    return Buffer.from(Buffer.from(whole).toString('latin1').replace(text, padded), 'latin1')
  }
}

const METADATA_DEFECTS: readonly [string, Change, RegExp][] = [
  ['a wrong total', metadata('snapshots/1/summary/total-records', '7'), /total-records "7", not 6/],
  ['no total', metadata('snapshots/1/summary/total-data-files', undefined), /no total-data-files/],
  ['a null', metadata('snapshots/0/parent-snapshot-id', null), /parent-snapshot-id is null/],
  ['a repeated sequence', metadata('snapshots/1/sequence-number', 1), /does not follow its parent/],
  ['a low last sequence', metadata('last-sequence-number', 1), /beyond the last/],
  ['a ref that dangles', metadata('refs/main/snapshot-id', 5), /main is dangling/],
  ['a cut history', metadata('snapshot-log/1', undefined), /snapshot-log does not end/],
  ['a clock that ran back', metadata('last-updated-ms', 1_000), /last-updated-ms is before/],
  ['a column id beyond the last', metadata('last-column-id', 1), /beyond last-column-id/],
  ['a changed schema', metadata('schemas/0/fields/0/name', 'm'), /changed its meaning/],
  ['a type of version 3', metadata('schemas/0/fields/0/type', 'timestamp_ns'), /version 2 has not/],
  ['an empty sort order', metadata('sort-orders/1', { 'order-id': 1, fields: [] }), /has 0 fields/],
  ['a slash at the end', metadata('location', (old: string) => `${old}/`), /ends with a slash/],
  ['a low partition id', metadata('partition-specs/0/fields/0/field-id', 999), /below 1000/],
  ['a reserved property', metadata('properties/format-version', '2'), /is reserved/],
  ['no statistics', metadata('statistics', undefined), /metadata has no statistics/],
]

const LIST_DEFECTS: readonly [string, Change, RegExp][] = [
  ['nothing', () => undefined, /manifest list .* is not there/],
  ['a count of files', row('i504', 9), /has 2 added files/],
  ['a count of rows', row('i512', 9n), /has 3 added rows/],
  ['a length', row('i501', 9n), /not manifest_length/],
  ['a sequence from the future', row('i515', 9n), /comes after its snapshot/],
  ['a least sequence', row('i516', 1n), /not min_sequence_number/],
  ['a missing summary', row('i507', []), /0 summaries for 1/],
  ['a summary that hides nulls', row('i507/0/i509', false), /hides the nulls/],
  ['a summary that excludes', row('i507/0/i511', Buffer.from('a')), /upper bound of partition/],
  ['a manifest twice', avro('records', twice), /listed twice/],
  ['no version', avro('metadata/format-version', undefined), /has format-version undefined/],
  ['another snapshot', avro('metadata/snapshot-id', '1'), /has snapshot-id 1/],
  ['a lost manifest', avro('records/1', undefined), /total-data-files/],
  ['a changed manifest of the parent', avro('records/1/i505', 1), /not what the parent lists/],
  ['a field without its id', schema('fields/0/field-id', undefined), /no field "500 manifest_path/],
  ['no default', schema('fields/13/default', undefined), /partitions has no default null/],
]

const MANIFEST_DEFECTS: readonly [string, Change, RegExp][] = [
  ['a count of records', file('i103', 9n), /not record_count/],
  ['a size', file('i104', 9n), /bytes, not 9/],
  ['a lost file', file('i100', (old: string) => `${old}x`), /is not there/],
  ['another partition', file('i102/i1000', 'zz'), /is in partition .* and has a row of/],
  ['a lower bound above', file('i125/0/i127', bytes('ffffff7f')), /lower bound of n above/],
  ['an upper bound below', file('i128/0/i130', bytes('00000080')), /upper bound of n below/],
  ['a bound of another width', file('i125/0/i127', bytes('00')), /1 bytes where 4 belong/],
  ['NaN', file('i125/2/i127', bytes('000000000000f87f')), /NaN for a bound/],
  ['null counts', file('i110/0/i122', 9n), /in null_value_counts of n/],
  ['value counts', file('i109/0/i120', 9n), /in value_counts of n/],
  ['NaN counts of a text', file('i137/0/i138', 2), /counts NaN in column 2/],
  ['split offsets', file('i132', [5n]), /split_offsets/],
  ['a carried entry without numbers', row('i0', 0), /without its sequence numbers/],
  ['another format', file('i101', 'ORC'), /format ORC/],
  ['another spec', avro('metadata/partition-spec', '[]'), /another partition-spec/],
  ['another schema', avro('metadata/schema-id', '5'), /has schema 5/],
  ['no content', avro('metadata/content', undefined), /has content undefined/],
  ['a file twice', avro('records', twice), /live twice/],
  ['no field ids', schema('fields/4/type/fields/0/field-id', undefined), /no field "134 content/],
  ['damage', (whole) => whole.slice(0, -3), /cut short/],
]

describe('metadata checker', () => {
  let running: RunningService
  let location = ''
  let listLocation = ''
  let manifest = ''

  before(async () => {
    running = await runService()
    for (const from of [0, 3]) {
      const table = tableFromArrays({
        n: Int32Array.of(from, from + 1, from + 2),
        region: ['eu', null, 'eu'],
        real: Float64Array.of(1.5, Number.NaN, -0),
      })
      await running.client.put('judged', table, { partitionBy: ['region'] })
      await running.client.flush()
    }
    location = metadataLocation(path.join(running.data, 'catalog.db'), 'judged') ?? ''
    const table = readJson(await readFile(fileURLToPath(location)))
    listLocation = String(list(table['snapshots'])[1]?.['manifest-list'])
    const { rows } = readAvro(await readFile(fileURLToPath(listLocation)))
    manifest = String(rows[0]?.['manifest_path'])
  })

  after(() => running.stop())

  async function faultsWith(changed: string, change: Change): Promise<string> {
    const read = async (asked: string) => {
      try {
        const bytes = await readFile(fileURLToPath(asked))
        return asked === changed ? change(bytes) : bytes
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    }
    return (await tableFaults(location, { read })).join('\n')
  }

  it('finds nothing in a valid table', () => assertTableValid(location))

  for (const [where, defects] of [
    ['metadata', METADATA_DEFECTS],
    ['manifest list', LIST_DEFECTS],
    ['manifest', MANIFEST_DEFECTS],
  ] as const) {
    for (const [name, change, fault] of defects) {
      it(`names in a ${where}: ${name}`, async () => {
        const changed = { metadata: location, 'manifest list': listLocation, manifest }[where]
        expect(await faultsWith(changed, change)).to.match(fault)
      })
    }
  }
})
