import { expect } from 'chai'
import { ServiceError } from '../../../src/errors.ts'
import { formatTableMetadata, parseTableMetadata } from '../../../src/iceberg/metadata-json.ts'
import type { TableMetadata } from '../../../src/iceberg/types.ts'
import { parseJson } from '../../../src/json.ts'
import {
  byDayAndRegion,
  eventTable,
  readTextFixture,
  snapshotOf,
  withHead,
} from '../../support/iceberg-tables.ts'

type Json = Record<string, unknown>

const MAX = 2n ** 63n - 1n

function jsonOf(metadata: TableMetadata): Json {
  return parseJson(formatTableMetadata(metadata)) as Json
}

/** The table's JSON with some members replaced, as text. */
function edited(metadata: TableMetadata, changes: Json): string {
  return formatTableMetadata({ ...metadata, ...changes })
}

describe('table metadata JSON', () => {
  it('writes every member that older readers demand, in a table without a snapshot', () => {
    const json = jsonOf(eventTable({ properties: {} }))
    expect(json).to.deep.include({
      properties: {},
      'current-snapshot-id': -1,
      refs: {},
      snapshots: [],
      statistics: [],
      'partition-statistics': [],
      'snapshot-log': [],
      'metadata-log': [],
    })
    expect(json).to.not.have.any.keys('schema', 'partition-spec', 'next-row-id')
  })

  it('writes no null anywhere, and no parent for the first snapshot', () => {
    const text = formatTableMetadata(withHead(eventTable(), snapshotOf(1n, 1n)))
    expect(text).to.not.include('null')
    expect(text).to.not.include('parent-snapshot-id')
  })

  it('has no current snapshot in version 3 by leaving the member out', () => {
    const json = jsonOf(eventTable({ 'format-version': 3, 'next-row-id': 0n }))
    expect(json).to.not.have.property('current-snapshot-id')
    expect(json).to.have.property('next-row-id', 0)
  })

  it('keeps the largest int64 through a round trip', () => {
    const table = withHead(eventTable(), snapshotOf(MAX, MAX))
    const text = formatTableMetadata(table)
    expect(text).to.include('"current-snapshot-id":9223372036854775807')
    expect(parseTableMetadata(text)).to.deep.equal(table)
  })

  it('takes absent, null and -1 alike as no current snapshot', () => {
    for (const none of [undefined, null, -1]) {
      const text = edited(eventTable({ 'format-version': 3, 'next-row-id': 0n }), {
        'current-snapshot-id': none,
      })
      expect(parseTableMetadata(text)['current-snapshot-id']).to.equal(undefined)
    }
  })

  it('drops a parent that is null or -1, as some writers have it', () => {
    for (const none of [null, -1]) {
      const snapshots = [{ ...snapshotOf(1n, 1n), 'parent-snapshot-id': none }]
      const text = edited(withHead(eventTable(), snapshotOf(1n, 1n)), { snapshots })
      expect(parseTableMetadata(text).snapshots[0]).to.not.have.property('parent-snapshot-id')
    }
  })

  it('makes main from the current snapshot when an old writer wrote no refs', () => {
    const text = edited(withHead(eventTable(), snapshotOf(7n, 1n)), { refs: undefined })
    expect(parseTableMetadata(text).refs).to.deep.equal({
      main: { 'snapshot-id': 7n, type: 'branch' },
    })
  })

  it('loses no member that it does not know, at any level', () => {
    const table = withHead(eventTable(), snapshotOf(1n, 1n))
    const text = edited(table, {
      'encryption-keys': [{ 'key-id': 'k', count: MAX }],
      refs: { main: { ...table.refs['main'], 'x-note': 'kept' } },
      snapshots: [{ ...table.snapshots[0], 'key-id': 'k' }],
    })
    const again = formatTableMetadata(parseTableMetadata(text))
    expect(parseJson(again)).to.deep.equal(parseJson(text))
  })

  it('reads a table that PyIceberg wrote, and writes the same values', () => {
    const text = readTextFixture('iceberg-pyiceberg-table.json')
    const json = parseJson(text) as Json
    const again = parseJson(formatTableMetadata(parseTableMetadata(text))) as Json
    expect(again).to.deep.include({
      'table-uuid': json['table-uuid'],
      'current-snapshot-id': json['current-snapshot-id'],
      schemas: json['schemas'],
      'partition-specs': json['partition-specs'],
      refs: json['refs'],
    })
  })

  it('reads specs and sort orders', () => {
    const order = {
      'order-id': 1,
      fields: [
        { transform: 'identity', 'source-id': 3, direction: 'desc', 'null-order': 'nulls-last' },
      ],
    }
    const changes = {
      'sort-orders': [order],
      'default-sort-order-id': 1,
      'partition-specs': [byDayAndRegion],
      'last-partition-id': 1001,
    }
    expect(parseTableMetadata(edited(eventTable(), changes))).to.deep.include(changes)
    const bad = { ...order, fields: [{ ...order.fields[0], direction: 'up' }] }
    expect(() => parseTableMetadata(edited(eventTable(), { 'sort-orders': [bad] }))).to.throw(
      'direction is "up"; it can be asc or desc',
    )
  })

  it('says that inline manifests are not offered', () => {
    const snapshots = [{ ...snapshotOf(1n, 1n), 'manifest-list': undefined, manifests: ['a'] }]
    expect(() => parseTableMetadata(edited(eventTable(), { snapshots })))
      .to.throw(ServiceError, 'inline')
      .with.property('kind', 'unsupported')
  })

  const damage: [string, Json, RegExp][] = [
    ['a missing UUID', { 'table-uuid': undefined }, /table-uuid is missing/],
    [
      'a snapshot id that is a string',
      { 'current-snapshot-id': '1' },
      /current-snapshot-id is "1"/,
    ],
    ['a current schema that is not there', { 'current-schema-id': 3 }, /names nothing/],
    ['a ref to nothing', { refs: { old: { 'snapshot-id': 9n, type: 'tag' } } }, /ref old names/],
    ['a main that is not current', { 'current-snapshot-id': undefined }, /disagree/],
    ['a sequence number from the future', { 'last-sequence-number': 0 }, /above last-sequence/],
    ['a column id from the future', { 'last-column-id': 1 }, /above last-column-id/],
    ['a time before its history', { 'last-updated-ms': 1 }, /last-updated-ms is before/],
    [
      'a history that runs backwards',
      { 'snapshot-log': [900_000, 1].map((at) => ({ 'timestamp-ms': at, 'snapshot-id': 1n })) },
      /runs backwards/,
    ],
    ['a ref of no kind', { refs: { a: { 'snapshot-id': 1n, type: 'x' } } }, /neither branch nor/],
    ['a spec from the future', { 'partition-specs': [byDayAndRegion] }, /above last-partition-id/],
    ['two snapshots with one id', { snapshots: [snapshotOf(1n, 1n), snapshotOf(1n, 1n)] }, /two/],
  ]
  for (const [what, changes, reason] of damage) {
    it(`calls ${what} corrupt`, () => {
      const text = edited(withHead(eventTable(), snapshotOf(1n, 1n)), changes)
      expect(() => parseTableMetadata(text))
        .to.throw(ServiceError, reason)
        .with.property('kind', 'corrupt')
    })
  }

  it('calls text that is cut short corrupt', () => {
    expect(() => parseTableMetadata(formatTableMetadata(eventTable()).slice(0, -5)))
      .to.throw(ServiceError)
      .with.property('kind', 'corrupt')
  })

  it('says that a table of version 1 must be upgraded first', () => {
    expect(() => parseTableMetadata(edited(eventTable(), { 'format-version': 1 })))
      .to.throw(ServiceError, 'upgrade an older table first')
      .with.property('kind', 'unsupported')
  })
})
