/**
 * What every catalog must do: run on each implementation and on each fake.
 * `catalog.contract.test.ts` says which.
 */
import { expect } from 'chai'
import type { Catalog, LoadedTable } from '../../src/catalog/catalog.ts'
import type { TableUpdate } from '../../src/iceberg/updates.ts'
import {
  appendTo,
  appendUntilCommitted,
  events,
  eventsSchema,
  historyOf,
  kindOf,
  setProperties,
} from '../support/catalog-fixtures.ts'

export interface CatalogUnderTest {
  readonly catalog: Catalog
  /** Another handle on the same state, as another process has one. Absent: it cannot be shared. */
  reopen?(): Promise<Catalog>
  /** Of each of the sixteen writers. Default 10; fewer where every attempt waits for a disk. */
  readonly commitsPerWriter?: number
  dispose(): Promise<void>
}

const INT64_MAX = 2n ** 63n - 1n

export function describeCatalog(name: string, make: () => Promise<CatalogUnderTest>): void {
  describe(`catalog: ${name}`, () => {
    let catalog: Catalog
    let made: CatalogUnderTest

    beforeEach(async () => {
      made = await make()
      catalog = made.catalog
    })
    afterEach(() => made.dispose())

    const create = (table = events()) => catalog.createTable(table, { schema: eventsSchema })

    async function outcomeOf(table: LoadedTable, updates: readonly TableUpdate[]) {
      return catalog.commitTable(table.identifier, { requirements: [], updates })
    }

    describe('tables', () => {
      it('are created as asked, and loaded as created', async () => {
        const created = await catalog.createTable(events(), {
          schema: eventsSchema,
          partitionSpec: {
            'spec-id': 0,
            fields: [{ 'source-id': 1, 'field-id': 0, name: 'id', transform: 'identity' }],
          },
          properties: { owner: 'tests' },
        })
        expect(created.metadata.properties['owner']).to.equal('tests')
        expect(created.metadata['partition-specs'][0]?.fields[0]?.['source-id']).to.equal(1)
        expect(await catalog.loadTable(events())).to.deep.equal(created)
      })

      it('get field ids of their own, whatever ids were asked for', async () => {
        const [first, second] = eventsSchema.fields
        const fields = [
          { ...first, id: 700 },
          { ...second, id: 3 },
        ] as typeof eventsSchema.fields
        const { metadata } = await catalog.createTable(events(), {
          schema: { ...eventsSchema, fields },
        })
        expect(metadata.schemas[0]?.fields.map(({ id }) => id)).to.deep.equal([1, 2])
      })

      it('are created once', async () => {
        const created = await create()
        expect(await kindOf(create())).to.equal('already-exists')
        expect(await catalog.loadTable(events())).to.deep.equal(created)
      })

      it('are created once when many ask at the same time', async () => {
        const all = await Promise.allSettled(Array.from({ length: 8 }, () => create()))
        const winners = all.filter(({ status }) => status === 'fulfilled')
        expect(winners).to.have.length(1)
        const loaded = await catalog.loadTable(events())
        expect(winners[0]).to.deep.equal({ status: 'fulfilled', value: loaded })
      })

      it('are not found when they are not there, whatever is asked', async () => {
        expect(await kindOf(catalog.loadTable(events()))).to.equal('not-found')
        expect(await kindOf(catalog.dropTable(events()))).to.equal('not-found')
        const table = await create()
        await catalog.dropTable(events())
        expect(await kindOf(catalog.loadTable(events()))).to.equal('not-found')
        const outcome = await catalog.commitTable(events(), setProperties(table, { a: 'b' }))
        expect(outcome.kind).to.equal('conflict')
      })

      it('made again under an old name share no directory and no identity', async () => {
        const first = await create()
        await catalog.dropTable(events())
        const second = await create()
        expect(second.metadata['table-uuid']).not.to.equal(first.metadata['table-uuid'])
        expect(second.metadata.location).not.to.equal(first.metadata.location)
        const late = await catalog.commitTable(events(), appendTo(first, 7n))
        expect(late.kind).to.equal('conflict')
        expect(await catalog.loadTable(events())).to.deep.equal(second)
      })

      it('with a schema that no table may have are refused, and leave nothing', async () => {
        const [field] = eventsSchema.fields
        const twice = { ...eventsSchema, fields: [field, field] } as typeof eventsSchema
        expect(await kindOf(catalog.createTable(events(), { schema: twice }))).to.equal('invalid')
        expect(await catalog.listTables('default', ['web'])).to.deep.equal([])
      })

      it('with names that could leave their place are refused', async () => {
        for (const identifier of [
          events('..'),
          events('default', ['..']),
          events('default', ['a/b']),
          events('default', ['web'], '../../other/web/events'),
          events('default', [], 'events'),
          events('default', ["x'; DROP TABLE iceberg_tables; --"]),
        ]) {
          expect(await kindOf(create(identifier)), identifier.name).to.equal('invalid')
        }
      })
    })

    describe('lists', () => {
      it('show what was created, sorted, and nothing of a namespace below', async () => {
        for (const [namespace, name] of [
          [['web'], 'b'],
          [['web'], 'a'],
          [['web', 'eu'], 'c'],
        ] as const) {
          await create(events('default', [...namespace], name))
        }
        await catalog.createNamespace('default', ['empty'])
        await catalog.createNamespace('default', ['empty'])
        expect(await catalog.listNamespaces('default')).to.deep.equal([
          ['empty'],
          ['web'],
          ['web', 'eu'],
        ])
        expect(await catalog.listTables('default', ['web'])).to.deep.equal([
          events('default', ['web'], 'a'),
          events('default', ['web'], 'b'),
        ])
        expect(await catalog.listTables('default', ['empty'])).to.deep.equal([])
        expect(await catalog.listTables('default', ['nowhere'])).to.deep.equal([])
      })

      it('never show, load, commit to or drop what is of another tenant', async () => {
        const table = await create(events('acme'))
        await create(events('other', ['private'], 'secret'))
        expect(await catalog.listNamespaces('acme')).to.deep.equal([['web']])
        expect(await catalog.listTables('acme', ['private'])).to.deep.equal([])
        expect(await catalog.listNamespaces('acm%')).to.deep.equal([])
        const foreign = events('other')
        expect(await kindOf(catalog.loadTable(foreign))).to.equal('not-found')
        expect(await kindOf(catalog.dropTable(foreign))).to.equal('not-found')
        const outcome = await catalog.commitTable(foreign, setProperties(table, { a: 'b' }))
        expect(outcome.kind).to.equal('conflict')
        expect(await catalog.loadTable(events('acme'))).to.deep.equal(table)
      })

      it('keep tables of one name in two tenants apart', async () => {
        const ours = await create(events('acme'))
        const theirs = await create(events('other'))
        expect(ours.metadata.location).not.to.equal(theirs.metadata.location)
        await appendUntilCommitted(catalog, events('other'), 5n)
        expect(await catalog.loadTable(events('acme'))).to.deep.equal(ours)
      })
    })

    describe('commits', () => {
      it('are what the next load returns', async () => {
        const table = await create()
        const outcome = await catalog.commitTable(events(), appendTo(table, 11n, { mark: '1' }))
        if (outcome.kind !== 'committed') throw new Error(outcome.kind)
        const loaded = await catalog.loadTable(events())
        expect(loaded).to.deep.equal(outcome.table)
        expect(loaded.metadata['current-snapshot-id']).to.equal(11n)
        expect(loaded.metadata.properties['mark']).to.equal('1')
        expect(loaded.metadata['metadata-log'].map((e) => e['metadata-file'])).to.deep.equal([
          table.metadataLocation,
        ])
      })

      it('keep int64 values exactly', async () => {
        const table = await create()
        for (const id of [INT64_MAX, 2n ** 53n + 1n, INT64_MAX - 1n]) {
          await appendUntilCommitted(catalog, table.identifier, id)
        }
        const loaded = await catalog.loadTable(events())
        expect(historyOf(loaded)).to.deep.equal([INT64_MAX - 1n, 2n ** 53n + 1n, INT64_MAX])
      })

      it('that assert a state which has passed are conflicts, and change nothing', async () => {
        const table = await create()
        await appendUntilCommitted(catalog, events(), 1n)
        const before = await catalog.loadTable(events())
        expect(await catalog.commitTable(events(), appendTo(table, 2n))).to.deep.include({
          kind: 'conflict',
        })
        const uuid = '00000000-0000-4000-8000-000000000000'
        const wrong = await catalog.commitTable(events(), {
          requirements: [{ type: 'assert-table-uuid', uuid }],
          updates: [],
        })
        expect(wrong.kind).to.equal('conflict')
        expect(await catalog.loadTable(events())).to.deep.equal(before)
      })

      it('sent twice count once: the second is a conflict', async () => {
        const table = await create()
        const request = appendTo(table, 3n)
        const outcomes = [
          await catalog.commitTable(events(), request),
          await catalog.commitTable(events(), request),
          await catalog.commitTable(events(), { ...request, requirements: [] }),
        ]
        expect(outcomes.map(({ kind }) => kind)).to.deep.equal([
          'committed',
          'conflict',
          'conflict',
        ])
        expect(historyOf(await catalog.loadTable(events()))).to.deep.equal([3n])
      })

      it('of a snapshot staged before another branch moved are conflicts, not rejected', async () => {
        const table = await create()
        await appendUntilCommitted(catalog, events(), 1n)
        const staged = await catalog.loadTable(events())
        const [add, ref] = appendTo(staged, 2n).updates
        const onBranch = { ...ref, 'ref-name': 'audit' } as TableUpdate
        if (!add) throw new Error('no snapshot')
        expect((await outcomeOf(table, [add, onBranch])).kind).to.equal('committed')
        const outcome = await catalog.commitTable(events(), appendTo(staged, 3n))
        expect(outcome.kind).to.equal('conflict')
      })

      it('that can never be applied are rejected, with the reason, and change nothing', async () => {
        const table = await create()
        const hopeless: TableUpdate[] = [
          { action: 'set-current-schema', 'schema-id': 99 },
          { action: 'set-location', location: 'file:///etc' },
          { action: 'set-location', location: `${table.metadata.location}/../../../other` },
          { action: 'explode' } as unknown as TableUpdate,
        ]
        for (const update of hopeless) {
          const outcome = await outcomeOf(table, [update])
          expect(outcome.kind, update.action).to.equal('rejected')
          expect(outcome).to.have.property('reason').that.is.not.equal('')
        }
        expect(await catalog.loadTable(events())).to.deep.equal(table)
      })

      it('that change nothing are committed as the table is', async () => {
        const table = await create()
        expect(await outcomeOf(table, [])).to.deep.equal({ kind: 'committed', table })
        expect(await catalog.loadTable(events())).to.deep.equal(table)
      })

      it('that assert a table is new create it, and conflict when it is not', async () => {
        const request = {
          requirements: [{ type: 'assert-create' }],
          updates: [
            { action: 'add-schema', schema: eventsSchema },
            { action: 'set-current-schema', 'schema-id': -1 },
            { action: 'set-properties', updates: { staged: 'yes' } },
          ],
        } as const
        const created = await catalog.commitTable(events(), request)
        expect(created.kind).to.equal('committed')
        expect((await catalog.loadTable(events())).metadata.properties['staged']).to.equal('yes')
        expect((await catalog.commitTable(events(), request)).kind).to.equal('conflict')
        const bare = { ...request, updates: [] }
        const other = await catalog.commitTable(events('default', ['web'], 'other'), bare)
        expect(other.kind).to.equal('rejected')
      })

      it('asserting the same state at the same time: exactly one wins', async () => {
        const table = await create()
        const outcomes = await Promise.all(
          Array.from({ length: 16 }, (_, i) =>
            catalog.commitTable(events(), appendTo(table, BigInt(i + 1))),
          ),
        )
        const kinds = outcomes.map(({ kind }) => kind).sort()
        expect(kinds).to.deep.equal(['committed', ...Array.from({ length: 15 }, () => 'conflict')])
        expect((await catalog.loadTable(events())).metadata.snapshots).to.have.length(1)
      })

      it('of sixteen writers that retry lose nothing, and their history is one line', async () => {
        await create()
        const handles = [catalog, ...(made.reopen ? [await made.reopen()] : [])]
        const [writers, each] = [16, made.commitsPerWriter ?? 10]
        await Promise.all(
          Array.from({ length: writers }, async (_, writer) => {
            const handle = handles[writer % handles.length] ?? catalog
            for (let i = 0; i < each; i += 1) {
              await appendUntilCommitted(handle, events(), BigInt(1 + writer * each + i))
            }
          }),
        )
        const table = await catalog.loadTable(events())
        const history = historyOf(table)
        expect(new Set(history).size).to.equal(writers * each)
        expect(history).to.have.length(writers * each)
        expect(table.metadata['last-sequence-number']).to.equal(BigInt(writers * each))
        expect(table.metadata['snapshot-log'].map((e) => e['snapshot-id'])).to.deep.equal(
          history.reverse(),
        )
        for (const handle of handles.slice(1)) await handle.close()
      }).timeout(30_000)
    })

    it('is shared: what one handle commits, another loads', async () => {
      if (!made.reopen) return
      const other = await made.reopen()
      const table = await create()
      expect(await other.loadTable(events())).to.deep.equal(table)
      await appendUntilCommitted(other, events(), 1n)
      expect((await catalog.commitTable(events(), appendTo(table, 2n))).kind).to.equal('conflict')
      expect(historyOf(await catalog.loadTable(events()))).to.deep.equal([1n])
      await other.close()
    })

    it('closes twice without complaint, and is closed then', async () => {
      const table = await create()
      await catalog.close()
      await catalog.close()
      expect(await kindOf(catalog.loadTable(events()))).to.equal('closed')
      const outcome = await catalog.commitTable(events(), appendTo(table, 1n))
      expect(outcome.kind).to.equal('conflict')
    })
  })
}
