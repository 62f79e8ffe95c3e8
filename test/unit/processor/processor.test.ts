import { expect } from 'chai'
import { WalError } from '#wal'
import type { EntryKey } from '../../../src/entry.ts'
import { kindOf } from '../../support/catalog-fixtures.ts'
import { createFaultyStore } from '../../support/faulty-store.ts'
import type { CommitFault } from '../../support/processor-catalog.ts'
import { Scene } from '../../support/processor-scene.ts'

const ALL = () => true
const HOUR_MS = 3_600_000
/** So that nothing is committed unless someone asks. */
const PATIENT = { ageMs: 24 * HOUR_MS }

describe('entries of many partitions', () => {
  it('are committed in as many groups as it takes', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const sequences = scene.add(key, 5, 'crowd')
    await scene.committed(key)
    expect(await scene.catalog.sequences('t')).to.deep.equal(sequences)
    expect(scene.catalog.commits).to.have.length(3)
    expect(scene.status(key).counters.failed).to.equal(0)
  })

  it('wait, and are not set aside, when one alone has too many', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    scene.add(key, 1, 'throng')
    await scene.world.until(() => scene.status(key).counters.failed > 3, HOUR_MS)
    expect(scene.pending(key)).to.equal(1)
    expect(scene.log.quarantined).to.deep.equal([])
  })
})

describe('quarantine', () => {
  for (const text of ['poison', 'deadly']) {
    it(`sets one ${text} entry aside and commits its neighbours`, async () => {
      const scene = new Scene()
      const key = scene.catalog.create('t')
      const before = scene.add(key, 5)
      const [bad] = scene.add(key, 1, text)
      const after = scene.add(key, 5)
      await scene.committed(key, HOUR_MS)
      expect(await scene.catalog.sequences('t')).to.deep.equal([...before, ...after])
      expect(scene.log.quarantined.map(({ sequence }) => sequence)).to.deep.equal([bad])
      expect(scene.status(key).counters.quarantined).to.equal(1)
      expect(scene.status(key).watermark).to.equal(after.at(-1))
    })
  }

  it('sets an entry aside whose bytes no longer match their checksum', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const [first, second, third] = scene.add(key, 3)
    scene.wal.damage(key, second ?? 0n)
    await scene.committed(key)
    expect(await scene.catalog.sequences('t')).to.deep.equal([first, third])
    expect(scene.log.quarantined[0]).to.include({ sequence: second, reason: 'bad checksum' })
  })

  it('needs no commit when every entry is set aside', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    scene.add(key, 3, 'poison')
    await scene.committed(key)
    expect(scene.catalog.commits).to.deep.equal([])
    const [sequence] = scene.add(key, 1)
    await scene.committed(key)
    expect(await scene.catalog.sequences('t')).to.deep.equal([sequence])
  })

  it('waits, and loses nothing, while the quarantine is full', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    scene.add(key, 1, 'poison')
    const [sequence] = scene.add(key, 1)
    scene.wal.failNext.set('quarantine', new WalError('full', 'quarantine is full'))
    await scene.world.until(() => scene.status(key).state.kind === 'waiting')
    expect(scene.pending(key)).to.equal(2)
    await scene.committed(key)
    expect(await scene.catalog.sequences('t')).to.deep.equal([sequence])
  })

  it('is not what a refusing catalog leads to: entries wait at the longest interval', async () => {
    let isRefusing = true
    const commitFault = (): CommitFault | undefined => (isRefusing ? 'rejected' : undefined)
    const scene = new Scene({ behaviour: { commitFault } })
    const key = scene.catalog.create('t')
    const sequences = scene.add(key, 1)
    await scene.world.pass(10 * 60_000)
    expect(scene.status(key).state).to.include({ kind: 'waiting', reason: 'not allowed' })
    expect(scene.status(key).counters.rejected).to.be.within(15, 45)
    expect(scene.encoder.jobs).to.have.length(1)
    isRefusing = false
    await scene.committed(key)
    expect(await scene.catalog.sequences('t')).to.deep.equal(sequences)
    expect(scene.log.quarantined).to.deep.equal([])
  })
})

describe('isolation of failure', () => {
  it('lets healthy tables through while others cannot be loaded', async () => {
    const scene = new Scene({
      commit: { concurrentTablesMax: 2 },
      behaviour: { failsLoad: ({ name }) => name.startsWith('broken') },
    })
    const broken = ['broken1', 'broken2', 'broken3'].map((name) => scene.catalog.create(name))
    for (const key of broken) scene.add(key, 1)
    await scene.world.pass(30_000)
    const healthy = scene.catalog.create('healthy')
    for (let i = 0; i < 5; i += 1) {
      scene.add(healthy, 1)
      // Age, two ticks, and one commit.
      await scene.committed(healthy, 5_000 + 200 + 50)
    }
    for (const key of broken) expect(scene.status(key).state.kind).to.equal('waiting')
    expect(scene.status(broken[0] ?? '').counters.failed).to.be.at.least(3)
  })

  it('keeps everything through an outage of the store, and encodes anew after it', async () => {
    const scene = new Scene({
      wrapStore: (store) =>
        createFaultyStore(store, {
          random: () => 0.99,
          operations: ['put'],
          plan: new Map([1, 2, 3, 4, 5].map((n) => [n, 'before'])),
        }),
    })
    const key = scene.catalog.create('t')
    const sequences = scene.add(key, 3)
    await scene.committed(key)
    expect(await scene.catalog.sequences('t')).to.deep.equal(sequences)
    expect(scene.encoder.jobs).to.have.length(2)
  })

  it('leaves a key that it cannot read alone, and shows it', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    scene.wal.add('no such form')
    scene.add(key, 1)
    await scene.committed(key)
    const status = scene.status('no such form')
    expect(status.state).to.include({ kind: 'stopped', cause: 'unreadable-key' })
    expect(status.pendingEntries).to.equal(1)
    expect(await kindOf(scene.processor.awaitCommitted('no such form', 1n))).to.equal('corrupt')
  })

  it('goes on when the log could not be read for once', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const sequences = scene.add(key, 1)
    scene.wal.failNext.set('read', new WalError('io', 'disk'))
    scene.wal.failNext.set('keys', new WalError('io', 'disk'))
    await scene.world.pass(10_000)
    expect(await scene.catalog.sequences('t')).to.deep.equal(sequences)
  })
})

describe('grouping', () => {
  it('commits a backlog in groups of bounded size, in order', async () => {
    const scene = new Scene({ commit: { rows: 4 } })
    const key = scene.catalog.create('t')
    const sequences = scene.add(key, 10)
    await scene.committed(key)
    expect(scene.encoder.jobs.map((job) => job.sequences.length)).to.deep.equal([4, 4, 2])
    expect(await scene.catalog.sequences('t')).to.deep.equal(sequences)
  })

  it('commits by size without waiting for the age', async () => {
    const scene = new Scene({ commit: { ...PATIENT, bytes: 100 } })
    const key = scene.catalog.create('t')
    scene.add(key, 4)
    await scene.world.pass(1_000)
    expect(scene.pending(key)).to.equal(4)
    scene.add(key, 1)
    await scene.committed(key, 1_000)
  })

  it('commits by the table’s own age, also the first time', async () => {
    const scene = new Scene({ commit: { ageMs: 5_000 } })
    const set = (name: string, ageMs: string) =>
      scene.catalog.change(name, [
        { action: 'set-properties', updates: { 'frazil.commit.age-ms': ageMs } },
      ])
    const [quick, slow] = [scene.catalog.create('quick'), scene.catalog.create('slow')]
    set('quick', '200')
    set('slow', '60000')
    scene.add(quick, 1)
    scene.add(slow, 1)
    await scene.committed(quick, 1_000)
    await scene.world.pass(50_000)
    expect(scene.pending(slow)).to.equal(1)
    await scene.committed(slow, 15_000)
  })

  it('commits by the table’s own size', async () => {
    const scene = new Scene({ commit: PATIENT })
    const key = scene.catalog.create('t')
    const updates = { 'frazil.commit.bytes': '50' }
    scene.catalog.change('t', [{ action: 'set-properties', updates }])
    scene.add(key, 1)
    await scene.world.pass(1_000)
    expect(scene.pending(key)).to.equal(1)
    scene.add(key, 2)
    await scene.committed(key, 1_000)
  })

  it('goes on with its defaults where a property cannot be obeyed, and says so', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const updates = {
      'write.parquet.compression-codec': 'brotli',
      'write.parquet.compression-level': '9',
      'frazil.commit.age-ms': 'soon',
    }
    scene.catalog.change('t', [{ action: 'set-properties', updates }])
    scene.add(key, 1)
    await scene.committed(key)
    const { warnings } = scene.status(key)
    expect(warnings).to.have.length(3)
    for (const name of Object.keys(updates)) expect(warnings.join('\n')).to.contain(name)
    expect(scene.encoder.jobs[0]?.settings.compression).to.equal('zstd')
    scene.catalog.change('t', [{ action: 'remove-properties', removals: Object.keys(updates) }])
    scene.add(key, 1)
    await scene.committed(key)
    expect(scene.status(key).warnings).to.deep.equal([])
  })

  it('commits no more tables at once than it may, oldest first', async () => {
    const scene = new Scene({ commit: { concurrentTablesMax: 2 } })
    const names = ['a', 'b', 'c', 'd', 'e']
    for (const name of names) {
      scene.add(scene.catalog.create(name), 1)
      await scene.world.pass(1)
    }
    let most = 0
    await scene.world.until(() => {
      const states = scene.processor.status().map(({ state }) => state.kind)
      most = Math.max(most, states.filter((kind) => kind === 'committing').length)
      return scene.wal.trims.length === names.length
    })
    expect(most).to.equal(2)
    const order = scene.wal.trims.map(({ key }) => /default\.(\w)@/.exec(key)?.[1])
    expect(order).to.have.members(names)
    const begun = scene.encoder.jobs.flatMap(({ sequences }) => sequences)
    expect(begun.slice(0, 2)).to.have.members([1n, 2n])
    expect(begun.slice(3)).to.include(5n)
  })
})

describe('flush', () => {
  it('commits what was durable at the call, and nothing that came later', async () => {
    const scene = new Scene({ commit: PATIENT })
    const key = scene.catalog.create('t')
    const sequences = scene.add(key, 3)
    const [flushed] = await scene.world.settled(scene.processor.flush(ALL))
    expect(flushed).to.deep.include({ key, through: 3n, kind: 'committed' })
    expect(await scene.catalog.sequences('t')).to.deep.equal(sequences)
    scene.add(key, 1)
    await scene.world.pass(60_000)
    expect(scene.pending(key)).to.equal(1)
  })

  it('names the snapshot', async () => {
    const scene = new Scene({ commit: PATIENT })
    const key = scene.catalog.create('t')
    scene.add(key, 1)
    const [flushed] = await scene.world.settled(scene.processor.flush(ALL))
    expect(flushed).to.include({
      kind: 'committed',
      snapshotId: scene.catalog.table('t')['current-snapshot-id'],
    })
  })

  it('takes only the keys selected, and only those with something to commit', async () => {
    const scene = new Scene({ commit: PATIENT })
    const a = scene.catalog.create('a')
    const b = scene.catalog.create('b')
    scene.add(a, 1)
    scene.add(b, 1)
    const isA = ({ table }: EntryKey) => table.name === 'a'
    const flushed = await scene.world.settled(scene.processor.flush(isA))
    expect(flushed.map(({ key }) => key)).to.deep.equal([a])
    expect(scene.pending(b)).to.equal(1)
    expect(await scene.world.settled(scene.processor.flush(isA))).to.deep.equal([])
  })

  it('goes through as many groups as it needs', async () => {
    const scene = new Scene({ commit: { ...PATIENT, rows: 2 } })
    const key = scene.catalog.create('t')
    scene.add(key, 7)
    await scene.world.settled(scene.processor.flush(ALL))
    expect(scene.encoder.jobs).to.have.length(4)
    expect(scene.pending(key)).to.equal(0)
  })

  it('is patient with other writers', async () => {
    let conflicts = 3
    const scene: Scene = new Scene({
      commit: PATIENT,
      behaviour: {
        commitFault: () => {
          conflicts -= 1
          if (conflicts >= 0) void scene.catalog.foreignAppend('t')
          return undefined
        },
      },
    })
    const key = scene.catalog.create('t')
    scene.add(key, 1)
    const [flushed] = await scene.world.settled(scene.processor.flush(ALL))
    expect(flushed?.kind).to.equal('committed')
    expect(scene.status(key).counters.conflict).to.equal(3)
  })

  it('gives up on other writers who are always faster, and the table goes on trying', async () => {
    let isBusy = true
    const scene: Scene = new Scene({
      commit: PATIENT,
      behaviour: {
        commitFault: () => {
          if (isBusy) void scene.catalog.foreignAppend('t')
          return undefined
        },
      },
    })
    const key = scene.catalog.create('t')
    scene.add(key, 1)
    const [flushed] = await scene.world.settled(scene.processor.flush(ALL))
    expect(flushed?.kind).to.equal('failed')
    isBusy = false
    await scene.committed(key)
  })

  it('tells which tables failed and why, and they are still tried again', async () => {
    let isDown = true
    const scene = new Scene({
      commit: PATIENT,
      behaviour: { failsLoad: ({ name }) => isDown && name === 'a' },
    })
    const a = scene.catalog.create('a')
    const b = scene.catalog.create('b')
    scene.add(a, 1)
    scene.add(b, 1)
    const flushed = await scene.world.settled(scene.processor.flush(ALL))
    expect(flushed.find(({ key }) => key === a)).to.include({
      kind: 'failed',
      reason: 'the catalog does not answer',
    })
    expect(flushed.find(({ key }) => key === b)?.kind).to.equal('committed')
    isDown = false
    await scene.committed(a)
  })

  it('does not wait for a table that is stopped', async () => {
    const scene = new Scene({ commit: PATIENT })
    const key = scene.catalog.create('t')
    scene.add(key, 1)
    scene.catalog.drop('t')
    for (let i = 0; i < 2; i += 1) {
      const [flushed] = await scene.world.settled(scene.processor.flush(ALL))
      expect(flushed?.kind).to.equal('failed')
    }
  })

  it('counts entries that are set aside as done', async () => {
    const scene = new Scene({ commit: PATIENT })
    const key = scene.catalog.create('t')
    scene.add(key, 2, 'poison')
    const [flushed] = await scene.world.settled(scene.processor.flush(ALL))
    expect(flushed).to.deep.include({ kind: 'committed', snapshotId: undefined })
  })
})

describe('awaiting a commit', () => {
  it('resolves with the snapshot that contains the entry', async () => {
    const scene = new Scene({ commit: { rows: 1 } })
    const key = scene.catalog.create('t')
    const [first, second] = scene.add(key, 2)
    const waits = [first, second].map((s) => scene.processor.awaitCommitted(key, s ?? 0n))
    const found = await scene.world.settled(Promise.all(waits))
    const ids = scene.catalog.table('t').snapshots.map((snapshot) => snapshot['snapshot-id'])
    expect(found.map(({ snapshotId }) => snapshotId)).to.deep.equal(ids)
  })

  it('finds it when the entry was committed and trimmed long ago', async () => {
    const scene = new Scene({ commit: { rows: 1 } })
    const key = scene.catalog.create('t')
    const [first] = scene.add(key, 2)
    await scene.committed(key)
    scene.restart()
    const found = scene.processor.awaitCommitted(key, first ?? 0n)
    const [snapshot] = scene.catalog.table('t').snapshots
    expect(await scene.world.settled(found)).to.deep.equal({
      snapshotId: snapshot?.['snapshot-id'],
    })
  })

  it('waits through outages', async () => {
    const faults: CommitFault[] = ['before', 'rejected', 'after']
    const scene = new Scene({ behaviour: { commitFault: () => faults.shift() } })
    const key = scene.catalog.create('t')
    const [sequence] = scene.add(key, 1)
    const found = await scene.world.settled(scene.processor.awaitCommitted(key, sequence ?? 0n))
    expect(found.snapshotId).to.equal(scene.catalog.table('t')['current-snapshot-id'])
  })

  it('rejects when the entry is set aside, then and later', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const [good, bad] = [...scene.add(key, 1), ...scene.add(key, 1, 'poison')]
    const waits = [good, bad].map((s) => scene.processor.awaitCommitted(key, s ?? 0n))
    const [first, second] = await scene.world.settled(Promise.allSettled(waits))
    expect(first?.status).to.equal('fulfilled')
    expect(second?.status).to.equal('rejected')
    expect(await kindOf(scene.processor.awaitCommitted(key, bad ?? 0n))).to.equal('corrupt')
  })

  it('rejects when the table stops, and at once when it has stopped', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const [sequence] = scene.add(key, 1)
    scene.catalog.drop('t')
    const wait = kindOf(scene.processor.awaitCommitted(key, sequence ?? 0n))
    expect(await scene.world.settled(wait)).to.equal('not-found')
    expect(await kindOf(scene.processor.awaitCommitted(key, 1n))).to.equal('not-found')
  })

  it('refuses an entry that the log does not have', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    expect(await kindOf(scene.processor.awaitCommitted(key, 1n))).to.equal('not-found')
    scene.add(key, 1)
    expect(await kindOf(scene.processor.awaitCommitted(key, 2n))).to.equal('not-found')
  })
})

describe('closing', () => {
  it('commits what waits when it is asked to', async () => {
    const scene = new Scene({ commit: PATIENT })
    const key = scene.catalog.create('t')
    const sequences = scene.add(key, 2)
    await scene.world.settled(scene.processor.close({ commit: true }))
    expect(await scene.catalog.sequences('t')).to.deep.equal(sequences)
  })

  it('ends although a table cannot be committed', async () => {
    const scene = new Scene({ commit: PATIENT, behaviour: { failsLoad: () => true } })
    scene.add(scene.catalog.create('t'), 2)
    await scene.world.settled(scene.processor.close({ commit: true }))
  })

  it('finishes the step under way, begins no other, and tells who waits', async () => {
    const scene = new Scene({ commit: { rows: 1 } })
    const key = scene.catalog.create('t')
    const [, second] = scene.add(key, 2)
    const wait = kindOf(scene.processor.awaitCommitted(key, second ?? 0n))
    await scene.world.until(() => scene.encoder.jobs.length === 1)
    await scene.world.settled(scene.processor.close({ commit: false }))
    expect(await wait).to.equal('closed')
    await scene.world.pass(60_000)
    expect(await scene.catalog.sequences('t')).to.deep.equal([1n])
    expect(scene.pending(key)).to.equal(1)
  })

  it('may be asked twice, and refuses what comes after it', async () => {
    const { world, processor } = new Scene()
    const closings = [processor.close({ commit: false }), processor.close({ commit: true })]
    await world.settled(Promise.all(closings))
    expect(await kindOf(processor.flush(ALL))).to.equal('closed')
    expect(await kindOf(processor.awaitCommitted('k', 1n))).to.equal('closed')
  })
})

describe('status', () => {
  it('forgets a stream with the log', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    scene.add(key, 1)
    await scene.committed(key)
    expect(scene.status(key).lastSnapshotId).to.be.a('bigint')
    scene.wal.forget(key)
    await scene.world.pass(1_000)
    expect(scene.processor.status()).to.deep.equal([])
    // The table still tells how far the log was, although nobody remembers.
    const [sequence] = scene.add(key, 1)
    await scene.committed(key)
    expect(await scene.catalog.sequences('t')).to.deep.equal([1n, sequence])
  })

  it('shows what waits, how long, and what is in the table', async () => {
    const scene = new Scene({ commit: { ...PATIENT, rows: 3 } })
    const key = scene.catalog.create('t')
    scene.wal.add(key, 3)
    scene.wal.add(key, 5)
    await scene.world.settled(scene.processor.flush(ALL))
    scene.add(key, 1)
    await scene.world.pass(1_500)
    const status = scene.status(key)
    expect(status).to.deep.include({
      pendingEntries: 1,
      pendingBytes: 24,
      oldestAgeMs: 1_500,
      lastSnapshotId: scene.catalog.table('t')['current-snapshot-id'],
      watermark: 2n,
      state: { kind: 'idle' },
    })
    expect(status.counters).to.include({ committed: 2, entries: 2, rows: 8, failed: 0 })
  })
})
