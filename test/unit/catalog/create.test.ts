import { expect } from 'chai'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import { createMemoryCatalog } from '../../../src/catalog/memory-catalog.ts'
import type { TableUpdate } from '../../../src/iceberg/updates.ts'
import { randomIds } from '../../../src/runtime/ids.ts'
import { createMemoryStore } from '../../../src/storage/memory-store.ts'
import type { ObjectStore } from '../../../src/storage/object-store.ts'
import { appendTo, events, eventsSchema, stillClock } from '../../support/catalog-fixtures.ts'

describe('a new table', () => {
  const warehouse = 'memory://w'
  let store: ObjectStore
  let catalog: Catalog

  beforeEach(() => {
    store = createMemoryStore()
    catalog = createMemoryCatalog({ warehouse, store, clock: stillClock, ids: randomIds })
  })

  it('lives below its tenant, and apart from any file that lies there already', async () => {
    const request = { schema: eventsSchema }
    const first = await catalog.createTable(events(), request)
    expect(first.metadata.location).to.equal('memory://w/default/web/events')
    await catalog.dropTable(events())
    const second = await catalog.createTable(events(), request)
    const suffix = second.metadata['table-uuid'].slice(0, 8)
    expect(second.metadata.location).to.equal(`memory://w/default/web/events-${suffix}`)
  })

  const describeTable: readonly TableUpdate[] = [
    { action: 'assign-uuid', uuid: '0c9f6a52-3d6e-4b8c-9f53-0a1b2c3d4e5f' },
    { action: 'upgrade-format-version', 'format-version': 2 },
    { action: 'add-schema', schema: eventsSchema },
    { action: 'set-current-schema', 'schema-id': -1 },
    {
      action: 'add-spec',
      spec: {
        'spec-id': 0,
        fields: [{ 'source-id': 1, 'field-id': 1000, name: 'id', transform: 'identity' }],
      },
    },
    { action: 'set-default-spec', 'spec-id': -1 },
    {
      action: 'add-sort-order',
      'sort-order': {
        'order-id': 1,
        fields: [
          { transform: 'identity', 'source-id': 1, direction: 'asc', 'null-order': 'nulls-last' },
        ],
      },
    },
    { action: 'set-default-sort-order', 'sort-order-id': -1 },
    { action: 'set-location', location: 'memory://w/default/elsewhere' },
  ]

  const commit = (updates: readonly TableUpdate[]) =>
    catalog.commitTable(events(), { requirements: [{ type: 'assert-create' }], updates })

  it('can be staged in a commit, with its first snapshot', async () => {
    const twin = await catalog.createTable(events('twin'), { schema: eventsSchema })
    const outcome = await commit([...describeTable, ...appendTo(twin, 5n).updates])
    if (outcome.kind !== 'committed') throw new Error(JSON.stringify(outcome))
    const { metadata } = await catalog.loadTable(events())
    expect(metadata['table-uuid']).to.equal('0c9f6a52-3d6e-4b8c-9f53-0a1b2c3d4e5f')
    expect(metadata.location).to.equal('memory://w/default/elsewhere')
    expect(metadata['partition-specs']).to.have.length(1)
    expect(metadata['default-sort-order-id']).to.equal(1)
    expect(metadata['current-snapshot-id']).to.equal(5n)
  })

  it('cannot be staged as two tables, in an old format or in a foreign place', async () => {
    const hopeless: TableUpdate[][] = [
      [...describeTable, { action: 'add-schema', schema: eventsSchema }],
      [
        { action: 'add-schema', schema: eventsSchema },
        { action: 'upgrade-format-version', 'format-version': 1 },
      ],
      [
        { action: 'add-schema', schema: eventsSchema },
        { action: 'set-location', location: 'memory://w/other/web/events' },
      ],
      [],
    ]
    for (const updates of hopeless) expect((await commit(updates)).kind).to.equal('rejected')
    expect(await catalog.listTables('default', ['web'])).to.deep.equal([])
  })
})
