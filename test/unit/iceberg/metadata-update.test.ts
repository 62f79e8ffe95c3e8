import { expect } from 'chai'
import { ServiceError } from '../../../src/errors.ts'
import { applyUpdates, isStale } from '../../../src/iceberg/metadata-update.ts'
import type { PartitionSpec, Schema, SortOrder, TableMetadata } from '../../../src/iceberg/types.ts'
import type { TableUpdate } from '../../../src/iceberg/updates.ts'
import {
  byDayAndRegion,
  eventSchema,
  eventTable,
  snapshotOf,
  TABLE_UUID,
  withHead,
} from '../../support/iceberg-tables.ts'

const wider: Schema = {
  ...eventSchema,
  fields: [...eventSchema.fields, { id: 5, name: 'note', required: false, type: 'string' }],
}

const byRegion: SortOrder = {
  'order-id': 5,
  fields: [
    { transform: 'identity', 'source-id': 3, direction: 'asc', 'null-order': 'nulls-first' },
  ],
}

function apply(
  base: TableMetadata,
  updates: readonly TableUpdate[],
  now = 2_000_000,
): TableMetadata {
  return applyUpdates(base, updates, { now, previousLocation: 'file:///previous.json' })
}

function head(id: bigint): TableUpdate {
  return { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': id }
}

describe('schema updates', () => {
  it('add a schema under the next id and choose the last added by -1', () => {
    const table = apply(eventTable(), [
      { action: 'add-schema', schema: { ...wider, 'schema-id': 77 } },
      { action: 'set-current-schema', 'schema-id': -1 },
    ])
    expect(table.schemas.map((schema) => schema['schema-id'])).to.deep.equal([0, 1])
    expect(table).to.include({ 'current-schema-id': 1, 'last-column-id': 5 })
  })

  it('reuse the id of an equal schema, and -1 then means that one', () => {
    const base = apply(eventTable(), [
      { action: 'add-schema', schema: wider },
      { action: 'set-current-schema', 'schema-id': -1 },
    ])
    const table = apply(base, [
      { action: 'add-schema', schema: { ...eventSchema, 'schema-id': 9 } },
      { action: 'set-current-schema', 'schema-id': -1 },
    ])
    expect(table.schemas).to.have.length(2)
    expect(table).to.include({ 'current-schema-id': 0, 'last-column-id': 5 })
  })

  it('never lower the last column id', () => {
    const narrow = { ...eventSchema, fields: eventSchema.fields.slice(0, 1) }
    expect(apply(eventTable(), [{ action: 'add-schema', schema: narrow }])['last-column-id']).to.eq(
      4,
    )
  })
})

describe('spec and order updates', () => {
  it('add a spec whose new fields get ids never used', () => {
    const table = apply(eventTable(), [
      { action: 'add-spec', spec: byDayAndRegion },
      { action: 'set-default-spec', 'spec-id': -1 },
    ])
    expect(table).to.include({ 'default-spec-id': 1, 'last-partition-id': 1001 })
    expect(table['partition-specs'][1]?.fields.map((f) => f['field-id'])).to.deep.eq([1000, 1001])
  })

  it('keep the id of a field that an older spec has', () => {
    const base = apply(eventTable(), [{ action: 'add-spec', spec: byDayAndRegion }])
    const later: PartitionSpec = {
      'spec-id': 0,
      fields: [
        { 'source-id': 1, 'field-id': 1000, name: 'id_bucket', transform: 'bucket[8]' },
        { 'source-id': 3, 'field-id': 0, name: 'region', transform: 'identity' },
      ],
    }
    const table = apply(base, [{ action: 'add-spec', spec: later }])
    expect(table['partition-specs'][2]?.fields.map((f) => f['field-id'])).to.deep.eq([1002, 1001])
    expect(table['last-partition-id']).to.equal(1002)
  })

  it('reuse an equal spec and an equal order', () => {
    const base = apply(eventTable(), [
      { action: 'add-spec', spec: byDayAndRegion },
      firstOrder(),
      { action: 'set-default-sort-order', 'sort-order-id': -1 },
    ])
    const table = apply(base, [
      { action: 'add-spec', spec: byDayAndRegion },
      { action: 'set-default-spec', 'spec-id': -1 },
      firstOrder(),
      { action: 'set-default-sort-order', 'sort-order-id': -1 },
    ])
    expect(table['partition-specs']).to.have.length(2)
    expect(table['sort-orders'].map((order) => order['order-id'])).to.deep.equal([0, 1])
    expect(table).to.include({ 'default-spec-id': 1, 'default-sort-order-id': 1 })
  })

  function firstOrder(): TableUpdate {
    return { action: 'add-sort-order', 'sort-order': byRegion }
  }
})

describe('snapshot updates', () => {
  it('make an added snapshot the head of main, in the history and in the sequence', () => {
    const table = withHead(eventTable(), snapshotOf(11n, 1n, { 'timestamp-ms': 1_500_000 }))
    expect(table).to.deep.include({
      'current-snapshot-id': 11n,
      'last-sequence-number': 1n,
      'last-updated-ms': 1_500_000,
      'snapshot-log': [{ 'timestamp-ms': 1_500_000, 'snapshot-id': 11n }],
      refs: { main: { 'snapshot-id': 11n, type: 'branch' } },
    })
  })

  it('never move time backwards when the clock does', () => {
    const table = apply(eventTable(), [{ action: 'set-location', location: 's3://b/t/' }], 5)
    expect(table).to.include({ 'last-updated-ms': 1_000_000, location: 's3://b/t' })
  })

  it('log a rollback with the time of the commit', () => {
    const first = withHead(eventTable(), snapshotOf(1n, 1n))
    const second = withHead(first, snapshotOf(2n, 2n, { 'parent-snapshot-id': 1n }))
    const back = apply(second, [head(1n)], 3_000_000)
    expect(back['snapshot-log'].at(-1)).to.deep.equal({
      'timestamp-ms': 3_000_000,
      'snapshot-id': 1n,
    })
    expect(back['current-snapshot-id']).to.equal(1n)
  })

  it('log only the head that is left at the end of a request', () => {
    const table = apply(eventTable(), [
      { action: 'add-snapshot', snapshot: snapshotOf(1n, 1n) },
      head(1n),
      { action: 'add-snapshot', snapshot: snapshotOf(2n, 2n, { 'parent-snapshot-id': 1n }) },
      head(2n),
    ])
    expect(table['snapshot-log'].map((entry) => entry['snapshot-id'])).to.deep.equal([2n])
  })

  it('refuse a stale sequence number, and say that it is stale', () => {
    const base = withHead(withHead(eventTable(), snapshotOf(1n, 1n)), snapshotOf(2n, 2n))
    const late = snapshotOf(3n, 2n, { 'parent-snapshot-id': 1n })
    let thrown: unknown
    try {
      apply(base, [{ action: 'add-snapshot', snapshot: late }])
    } catch (error) {
      thrown = error
    }
    expect(thrown).to.be.instanceOf(ServiceError)
    expect(isStale(thrown)).to.equal(true)
    expect(isStale(new Error('other'))).to.equal(false)
  })

  it('drop the history up to the last removed snapshot, its refs and its statistics', () => {
    let table = eventTable({
      statistics: [{ 'snapshot-id': 1, 'statistics-path': 'a' }, { 'snapshot-id': 3 }],
    })
    for (const id of [1n, 2n, 3n]) table = withHead(table, snapshotOf(id, id))
    const tagged = apply(table, [
      { action: 'set-snapshot-ref', 'ref-name': 'old', type: 'tag', 'snapshot-id': 2n },
    ])
    const expired = apply(tagged, [{ action: 'remove-snapshots', 'snapshot-ids': [1n, 2n, 99n] }])
    expect(expired.snapshots.map((snapshot) => snapshot['snapshot-id'])).to.deep.equal([3n])
    expect(expired['snapshot-log'].map((entry) => entry['snapshot-id'])).to.deep.equal([3n])
    expect(Object.keys(expired.refs)).to.deep.equal(['main'])
    expect(expired.statistics).to.deep.equal([{ 'snapshot-id': 3 }])
  })

  it('leave no current snapshot and no history when main is removed', () => {
    const base = withHead(eventTable(), snapshotOf(1n, 1n))
    const table = apply(base, [{ action: 'remove-snapshot-ref', 'ref-name': 'main' }])
    expect(table).to.deep.include({ refs: {}, 'snapshot-log': [] })
    expect(table['current-snapshot-id']).to.equal(undefined)
    expect(table.snapshots).to.have.length(1)
  })

  it('keep what else a request says about a ref', () => {
    const base = withHead(eventTable(), snapshotOf(1n, 1n))
    const update = {
      action: 'set-snapshot-ref',
      'ref-name': 'audit',
      type: 'tag',
      'snapshot-id': 1n,
      'max-ref-age-ms': 60_000,
    } as const
    expect(apply(base, [update]).refs['audit']).to.deep.equal({
      'snapshot-id': 1n,
      type: 'tag',
      'max-ref-age-ms': 60_000,
    })
  })

  it('count rows in version 3, and refuse row ids that are taken', () => {
    const upgrade = { action: 'upgrade-format-version', 'format-version': 3 } as const
    const base = apply(eventTable(), [upgrade], 0)
    expect(base['next-row-id']).to.equal(0n)
    const snapshot = snapshotOf(1n, 1n, { 'first-row-id': 0n, 'added-rows': 5n })
    const table = withHead(base, snapshot, 2_000_000)
    expect(table['next-row-id']).to.equal(5n)
    const late = snapshotOf(2n, 2n, {
      'timestamp-ms': 2_000_000,
      'first-row-id': 4n,
      'added-rows': 1n,
    })
    expect(() => apply(table, [{ action: 'add-snapshot', snapshot: late }])).to.throw('is at 5')
  })
})

describe('every commit', () => {
  it('logs the metadata file that it replaces', () => {
    const table = apply(eventTable(), [{ action: 'set-properties', updates: { a: '1' } }])
    expect(table['metadata-log']).to.deep.equal([
      { 'timestamp-ms': 1_000_000, 'metadata-file': 'file:///previous.json' },
    ])
  })

  it('keeps as many metadata files in the log as the property says', () => {
    const properties = { 'write.metadata.previous-versions-max': '2' }
    let table = eventTable({ properties })
    for (const step of ['1', '2', '3']) {
      const update = { action: 'set-properties', updates: { step } } as const
      table = applyUpdates(table, [update], { now: 0, previousLocation: step })
    }
    expect(table['metadata-log'].map((entry) => entry['metadata-file'])).to.deep.equal(['2', '3'])
  })

  it('keeps 100 metadata files in the log when nothing says otherwise', () => {
    let table = eventTable()
    for (let i = 0; i < 105; i += 1) {
      const updates = [{ action: 'set-properties', updates: { i: `${i}` } }] as const
      table = applyUpdates(table, updates, { now: 0, previousLocation: `${i}` })
    }
    expect(table['metadata-log']).to.have.length(100)
  })

  it('returns the base itself when nothing changes', () => {
    const base = withHead(eventTable({ properties: { a: '1' } }), snapshotOf(1n, 1n))
    const table = apply(base, [
      { action: 'assign-uuid', uuid: TABLE_UUID.toUpperCase() },
      { action: 'add-schema', schema: eventSchema },
      { action: 'set-current-schema', 'schema-id': -1 },
      { action: 'set-properties', updates: { a: '1' } },
      { action: 'remove-properties', removals: ['b'] },
      { action: 'remove-snapshot-ref', 'ref-name': 'none' },
      { action: 'remove-snapshots', 'snapshot-ids': [9n] },
      { action: 'upgrade-format-version', 'format-version': 2 },
      head(1n),
    ])
    expect(table).to.equal(base)
  })

  it('does not change the base', () => {
    const base = eventTable()
    const before = structuredClone(base)
    apply(withHead(base, snapshotOf(1n, 1n)), [{ action: 'set-properties', updates: { a: '1' } }])
    expect(base).to.deep.equal(before)
  })

  const refused: [string, TableUpdate[], RegExp][] = [
    ['another UUID', [{ action: 'assign-uuid', uuid: 'other' }], /never changes/],
    ['a downgrade', [{ action: 'upgrade-format-version', 'format-version': 1 }], /cannot become 1/],
    [
      '-1 with nothing added',
      [{ action: 'set-current-schema', 'schema-id': -1 }],
      /none was added/,
    ],
    ['a schema that is not there', [{ action: 'set-current-schema', 'schema-id': 7 }], /schema 7/],
    ['a spec that is not there', [{ action: 'set-default-spec', 'spec-id': 7 }], /spec 7/],
    ['an order that is not there', [{ action: 'set-default-sort-order', 'sort-order-id': 7 }], /7/],
    ['a head that is not there', [head(5n)], /names snapshot 5/],
    ['a main that is a tag', [{ ...head(1n), type: 'tag' } as TableUpdate], /must be a branch/],
    [
      'a snapshot id that is not positive',
      [{ action: 'add-snapshot', snapshot: snapshotOf(0n, 1n) }],
      /not a positive int64/,
    ],
    [
      'a snapshot twice',
      [1n, 2n].map((n) => ({ action: 'add-snapshot', snapshot: snapshotOf(1n, n) })),
      /in the table already/,
    ],
    [
      'a snapshot of an unknown schema',
      [{ action: 'add-snapshot', snapshot: snapshotOf(1n, 1n, { 'schema-id': 3 }) }],
      /names schema 3/,
    ],
    [
      'a snapshot of an hour ago',
      [{ action: 'add-snapshot', snapshot: snapshotOf(1n, 1n, { 'timestamp-ms': 1 }) }],
      /set the writer's clock/,
    ],
    ['a reserved property', [{ action: 'set-properties', updates: { uuid: 'x' } }], /reserved/],
    [
      'an order of no column',
      [
        {
          action: 'add-sort-order',
          'sort-order': { 'order-id': 1, fields: [{ ...byRegion.fields[0]!, 'source-id': 99 }] },
        },
      ],
      /names no column/,
    ],
    [
      'an update that nobody knows',
      [{ action: 'sell' } as unknown as TableUpdate],
      /sell is unknown/,
    ],
  ]
  for (const [what, updates, reason] of refused) {
    it(`is refused with ${what}`, () => {
      expect(() => apply(eventTable(), updates))
        .to.throw(ServiceError, reason)
        .with.property('kind', 'invalid')
    })
  }
})
