import { expect } from 'chai'
import { checkRequirements } from '../../../src/iceberg/metadata-update.ts'
import type { TableRequirement } from '../../../src/iceberg/updates.ts'
import { eventTable, snapshotOf, TABLE_UUID, withHead } from '../../support/iceberg-tables.ts'

const empty = eventTable()
const table = withHead(empty, snapshotOf(7n, 1n))

function ref(snapshotId: bigint | undefined, name = 'main'): TableRequirement {
  return { type: 'assert-ref-snapshot-id', ref: name, 'snapshot-id': snapshotId }
}

describe('requirements', () => {
  const met: TableRequirement[] = [
    { type: 'assert-table-uuid', uuid: TABLE_UUID.toUpperCase() },
    ref(7n),
    ref(undefined, 'audit'),
    { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': 4 },
    { type: 'assert-current-schema-id', 'current-schema-id': 0 },
    { type: 'assert-last-assigned-partition-id', 'last-assigned-partition-id': 999 },
    { type: 'assert-default-spec-id', 'default-spec-id': 0 },
    { type: 'assert-default-sort-order-id', 'default-sort-order-id': 0 },
  ]
  it('hold together when each holds', () => {
    expect(checkRequirements(table, met)).to.equal(undefined)
  })

  const unmet: [string, TableRequirement, string][] = [
    ['another table', { type: 'assert-table-uuid', uuid: 'x' }, 'expected x'],
    ['a head that moved', ref(6n), 'the head of main is 7, and the commit expected 6'],
    ['a head that should not be', ref(undefined), 'expected none'],
    ['a ref that is not there', ref(7n, 'audit'), 'is none'],
    ['a ref with the name of a method', ref(7n, 'toString'), 'is none'],
    [
      'a column that was added',
      { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': 3 },
      'last field id is 4',
    ],
    [
      'a schema that changed',
      { type: 'assert-current-schema-id', 'current-schema-id': 1 },
      'schema',
    ],
    [
      'a partition field that was added',
      { type: 'assert-last-assigned-partition-id', 'last-assigned-partition-id': 1000 },
      'last partition id',
    ],
    ['a spec that changed', { type: 'assert-default-spec-id', 'default-spec-id': 1 }, 'spec'],
    [
      'an order that changed',
      { type: 'assert-default-sort-order-id', 'default-sort-order-id': 1 },
      'order',
    ],
    ['a table that exists', { type: 'assert-create' }, 'exists already'],
    ['what nobody can check', { type: 'assert-moon' } as unknown as TableRequirement, 'unknown'],
  ]
  for (const [what, requirement, reason] of unmet) {
    it(`fail for ${what}, and say why`, () => {
      expect(checkRequirements(table, [met[0]!, requirement])).to.include(reason)
    })
  }

  it('take null from JSON as "must not exist"', () => {
    const fromJson = { ...ref(undefined), 'snapshot-id': null } as unknown as TableRequirement
    expect(checkRequirements(empty, [fromJson])).to.equal(undefined)
  })

  it('without a table, only its creation holds', () => {
    expect(checkRequirements(undefined, [{ type: 'assert-create' }])).to.equal(undefined)
    expect(checkRequirements(undefined, [ref(undefined)])).to.equal('the table does not exist')
  })
})
