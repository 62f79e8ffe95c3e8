/**
 * Random commits against a table: whatever is asked for, in whatever order, what comes out is
 * refused or sound, and is the same after being written and read.
 */
import { expect } from 'chai'
import * as fc from 'fast-check'
import { ServiceError } from '../../src/errors.ts'
import { metadataDefect } from '../../src/iceberg/metadata-check.ts'
import { formatTableMetadata, parseTableMetadata } from '../../src/iceberg/metadata-json.ts'
import { applyUpdates } from '../../src/iceberg/metadata-update.ts'
import type { NestedField, PartitionField, TableMetadata } from '../../src/iceberg/types.ts'
import type { TableUpdate } from '../../src/iceberg/updates.ts'
import { eventSchema, eventTable, snapshotOf } from '../support/iceberg-tables.ts'

const smallId = fc.bigInt({ min: 1n, max: 6n })
const refName = fc.constantFrom('main', 'audit', 'toString')

const extraField: fc.Arbitrary<NestedField> = fc.record({
  id: fc.integer({ min: 1, max: 9 }),
  name: fc.constantFrom('x', 'y', 'id'),
  required: fc.boolean(),
  type: fc.constantFrom('int', 'string', 'timestamp_ns'),
})

const partitionField: fc.Arbitrary<PartitionField> = fc.record({
  'source-id': fc.integer({ min: 1, max: 5 }),
  'field-id': fc.integer({ min: 0, max: 1005 }),
  name: fc.constantFrom('p', 'q', 'region'),
  transform: fc.constantFrom('identity', 'day', 'bucket[4]', 'void', 'mystery'),
})

const update: fc.Arbitrary<TableUpdate> = fc.oneof(
  fc.record({
    action: fc.constant('add-schema' as const),
    schema: fc
      .array(extraField, { maxLength: 2 })
      .map((extra) => ({ ...eventSchema, fields: [...eventSchema.fields, ...extra] })),
  }),
  fc.record({
    action: fc.constant('set-current-schema' as const),
    'schema-id': fc.integer({ min: -1, max: 3 }),
  }),
  fc.record({
    action: fc.constant('add-spec' as const),
    spec: fc.array(partitionField, { maxLength: 2 }).map((fields) => ({ 'spec-id': 0, fields })),
  }),
  fc.record({
    action: fc.constant('set-default-spec' as const),
    'spec-id': fc.integer({ min: -1, max: 2 }),
  }),
  {
    weight: 4,
    arbitrary: fc.record({
      action: fc.constant('add-snapshot' as const),
      snapshot: fc
        .tuple(smallId, smallId, fc.option(smallId, { nil: undefined }), fc.nat({ max: 300_000 }))
        .map(([id, sequence, parent, later]) =>
          snapshotOf(id, sequence, {
            'timestamp-ms': 1_000_000 + later,
            ...(parent === undefined ? {} : { 'parent-snapshot-id': parent }),
          }),
        ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      action: fc.constant('set-snapshot-ref' as const),
      'ref-name': refName,
      type: fc.constantFrom('branch' as const, 'tag' as const),
      'snapshot-id': smallId,
    }),
  },
  fc.record({
    action: fc.constant('remove-snapshots' as const),
    'snapshot-ids': fc.array(smallId, { maxLength: 2 }),
  }),
  fc.record({ action: fc.constant('remove-snapshot-ref' as const), 'ref-name': refName }),
  fc.record({
    action: fc.constant('set-properties' as const),
    updates: fc.dictionary(
      fc.constantFrom('a', 'b', 'write.metadata.previous-versions-max', '__proto__'),
      fc.constantFrom('1', '2', 'x'),
      { noNullPrototype: true },
    ),
  }),
  fc.record({
    action: fc.constant('remove-properties' as const),
    removals: fc.array(fc.constantFrom('a', 'b'), { maxLength: 2 }),
  }),
)

const commit = fc.record({
  updates: fc.array(update, { minLength: 1, maxLength: 4 }),
  now: fc.integer({ min: 900_000, max: 1_300_000 }),
})

function step(base: TableMetadata, updates: readonly TableUpdate[], now: number): TableMetadata {
  try {
    return applyUpdates(base, updates, { now, previousLocation: 'file:///previous.json' })
  } catch (thrown) {
    expect(thrown).to.be.instanceOf(ServiceError).with.property('kind', 'invalid')
    return base
  }
}

describe('random commits', () => {
  it('leave a table that other engines can load', () => {
    fc.assert(
      fc.property(fc.array(commit, { maxLength: 20 }), (commits) => {
        let table = eventTable()
        for (const { updates, now } of commits) {
          const base = table
          table = step(base, updates, now)
          expect(metadataDefect(table)).to.equal(undefined)
          expectForward(base, table)
        }
        const text = formatTableMetadata(table)
        expect(parseTableMetadata(text)).to.deep.equal(table)
        expect(text).to.not.include(':null')
      }),
      { numRuns: 300 },
    )
  })

  it('never change the base that they were applied to', () => {
    fc.assert(
      fc.property(fc.array(commit, { maxLength: 6 }), (commits) => {
        let table = eventTable()
        for (const { updates, now } of commits) {
          const before = formatTableMetadata(table)
          const next = step(table, updates, now)
          expect(formatTableMetadata(table)).to.equal(before)
          table = next
        }
      }),
    )
  })
})

/** What only grows, and what must agree. */
function expectForward(base: TableMetadata, table: TableMetadata): void {
  expect(table['last-updated-ms']).to.be.at.least(base['last-updated-ms'])
  expect(table['last-sequence-number'] >= base['last-sequence-number']).to.equal(true)
  expect(table['last-column-id']).to.be.at.least(base['last-column-id'])
  expect(table['last-partition-id']).to.be.at.least(base['last-partition-id'])
  const current = table['current-snapshot-id']
  expect(table.refs['main']?.['snapshot-id']).to.equal(current)
  const log = table['snapshot-log']
  if (current !== undefined) expect(log.at(-1)?.['snapshot-id']).to.equal(current)
  const known = new Set(table.snapshots.map((snapshot) => snapshot['snapshot-id']))
  for (const entry of log) expect(known.has(entry['snapshot-id'])).to.equal(true)
  expect(table['metadata-log'].length).to.be.at.most(100)
}
