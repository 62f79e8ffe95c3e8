import { expect } from 'chai'
import { WalError } from '#wal'
import type { CommitRequest } from '../../../src/catalog/catalog.ts'
import { RANGE_SUMMARY_KEY, watermarkKey } from '../../../src/processor/watermark.ts'
import { type CommitFault, identifierOf } from '../../support/processor-catalog.ts'
import { Scene, type SceneOptions } from '../../support/processor-scene.ts'

/** Answers the first commits with these faults, the rest well. */
function withFaults(faults: (CommitFault | undefined)[], options: SceneOptions = {}): Scene {
  return new Scene({ ...options, behaviour: { commitFault: () => faults.shift() } })
}

function snapshotOf(request: CommitRequest | undefined) {
  const update = request?.updates.find(({ action }) => action === 'add-snapshot')
  return update?.action === 'add-snapshot' ? update.snapshot : undefined
}

describe('commit of a group', () => {
  it('puts the snapshot and the watermark into one commit on the base that was judged', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const sequences = scene.add(key, 3)
    await scene.committed(key)

    expect(await scene.catalog.sequences('t')).to.deep.equal(sequences)
    expect(scene.catalog.commits).to.have.length(1)
    const [commit] = scene.catalog.commits
    expect(commit?.request.requirements.map(({ type }) => type)).to.include.members([
      'assert-table-uuid',
      'assert-ref-snapshot-id',
    ])
    const value = `1:${scene.wal.nonce}:3`
    const property = watermarkKey(scene.log.id)
    expect(scene.catalog.table('t').properties[property]).to.equal(value)
    const summary = snapshotOf(commit?.request)?.summary
    expect(summary?.[property]).to.equal(value)
    expect(summary?.[RANGE_SUMMARY_KEY]).to.equal('1-3')
  })

  it('writes files anew when the table’s settings have changed since', async () => {
    const scene = withFaults(['before'])
    const key = scene.catalog.create('t')
    const sequences = scene.add(key, 3)
    await scene.world.until(() => scene.catalog.commits.length === 1)
    const updates = { 'write.parquet.compression-codec': 'snappy', owner: 'me' }
    scene.catalog.change('t', [{ action: 'set-properties', updates }])
    await scene.committed(key)
    expect(scene.encoder.jobs.map((job) => job.settings.compression)).to.deep.equal([
      'zstd',
      'snappy',
    ])
    expect(scene.status(key).counters.rewritten).to.equal(1)
    expect(await scene.catalog.sequences('t')).to.deep.equal(sequences)
  })

  it('keeps its files when a property changes that they are not written by', async () => {
    const scene = withFaults(['before'])
    const key = scene.catalog.create('t')
    scene.add(key, 3)
    await scene.world.until(() => scene.catalog.commits.length === 1)
    const updates = { owner: 'me', 'frazil.commit.age-ms': '100' }
    scene.catalog.change('t', [{ action: 'set-properties', updates }])
    await scene.committed(key)
    expect(scene.encoder.jobs).to.have.length(1)
  })

  const faults: readonly { fault: CommitFault; counted: 'unknown' | 'rejected' }[] = [
    { fault: 'before', counted: 'unknown' },
    { fault: 'after', counted: 'unknown' },
    { fault: 'late', counted: 'unknown' },
    { fault: 'throws', counted: 'unknown' },
    { fault: 'rejected', counted: 'rejected' },
  ]
  for (const { fault, counted } of faults) {
    it(`commits once when the answer is "${fault}"`, async () => {
      const scene = withFaults([undefined, fault, fault])
      const key = scene.catalog.create('t')
      const first = scene.add(key, 2)
      await scene.committed(key)
      const second = scene.add(key, 3)
      await scene.committed(key)
      await scene.world.pass(1_000)
      expect(await scene.catalog.sequences('t')).to.deep.equal([...first, ...second])
      expect(scene.status(key).counters[counted]).to.be.at.least(1)
      expect(scene.log.quarantined).to.deep.equal([])
    })
  }

  it('writes data files and manifest once, and only the manifest list again', async () => {
    const scene = withFaults(['before', 'before', 'before'])
    const key = scene.catalog.create('t')
    scene.add(key, 2)
    await scene.committed(key)
    const snapshots = scene.catalog.commits.map(({ request }) => snapshotOf(request))
    expect(scene.encoder.jobs).to.have.length(1)
    expect(snapshots).to.have.length(4)
    expect(new Set(snapshots.map((snapshot) => snapshot?.['snapshot-id'])).size).to.equal(1)
    expect(new Set(snapshots.map((snapshot) => snapshot?.['manifest-list'])).size).to.equal(4)
  })

  it('restages on top of another writer who was faster', async () => {
    let isFirst = true
    const scene: Scene = new Scene({
      behaviour: {
        commitFault: () => {
          if (isFirst) void scene.catalog.foreignAppend('t')
          isFirst = false
          return undefined
        },
      },
    })
    const key = scene.catalog.create('t')
    const sequences = scene.add(key, 2)
    await scene.committed(key)
    expect(await scene.catalog.sequences('t')).to.deep.equal(sequences)
    expect(await scene.catalog.dataFiles('t')).to.have.length(2)
    expect(scene.status(key).counters).to.include({ conflict: 1, committed: 1 })
    expect(scene.encoder.jobs).to.have.length(1)
  })

  it('recognises its own late twin behind a conflict', async () => {
    const held: CommitRequest[] = []
    const scene: Scene = new Scene({
      behaviour: {
        commitFault: (identifier, request) => {
          const [first] = held
          held.push(request)
          if (first === undefined) return 'before'
          scene.catalog.apply(identifier, first)
          return undefined
        },
      },
    })
    const key = scene.catalog.create('t')
    const sequences = scene.add(key, 2)
    await scene.committed(key)
    expect(await scene.catalog.sequences('t')).to.deep.equal(sequences)
    expect(scene.status(key).counters).to.include({ unknown: 1, conflict: 1, committed: 0 })
  })

  it('does not believe "committed" that a fresh load does not show', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const before = scene.catalog.table('t')
    const sequences = scene.add(key, 2)
    // The catalog forgets its first commit right after saying that it was made.
    await scene.world.until(() => scene.catalog.commits.length === 1)
    scene.catalog.restore('t', before)
    await scene.committed(key)
    expect(await scene.catalog.sequences('t')).to.deep.equal(sequences)
    expect(scene.catalog.commits).to.have.length(2)
  })

  it('writes the files again when the schema changed before the commit', async () => {
    let isFirst = true
    const scene: Scene = new Scene({
      behaviour: {
        commitFault: () => {
          if (!isFirst) return undefined
          isFirst = false
          const schema = { ...scene.catalog.table('t').schemas[0] }
          const fields = [
            ...(schema.fields ?? []),
            { id: 2, name: 'added', required: false, type: 'string' as const },
          ]
          scene.catalog.change('t', [
            { action: 'add-schema', schema: { type: 'struct', 'schema-id': 1, fields } },
            { action: 'set-current-schema', 'schema-id': -1 },
          ])
          return 'before'
        },
      },
    })
    const key = scene.catalog.create('t')
    const sequences = scene.add(key, 2)
    await scene.committed(key)
    expect(scene.encoder.jobs.map(({ schemaId }) => schemaId)).to.deep.equal([0, 1])
    expect(await scene.catalog.sequences('t')).to.deep.equal(sequences)
    expect(scene.status(key).counters.rewritten).to.equal(1)
  })

  it('moves the watermark past batches without rows', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    scene.wal.add(key, 0)
    await scene.committed(key)
    expect(await scene.catalog.dataFiles('t')).to.deep.equal([])
    expect(scene.status(key).watermark).to.equal(1n)
    const [sequence] = scene.add(key, 1)
    await scene.committed(key)
    expect(await scene.catalog.sequences('t')).to.deep.equal([sequence])
  })

  it('keeps a snapshot readable in a table of format version 3', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t', 3)
    const sequences = scene.add(key, 2)
    await scene.committed(key)
    expect(await scene.catalog.sequences('t')).to.deep.equal(sequences)
  })
})

describe('trimming', () => {
  it('happens only after a fresh load has shown the watermark', async () => {
    let isDown = false
    const scene: Scene = new Scene({
      behaviour: {
        commitFault: () => {
          isDown = true
          return undefined
        },
        failsLoad: () => isDown,
      },
    })
    const key = scene.catalog.create('t')
    scene.add(key, 2)
    await scene.world.until(() => scene.status(key).counters.committed === 1)
    await scene.world.pass(60_000)
    expect(scene.catalog.table('t').properties).to.have.property(watermarkKey(scene.log.id))
    expect(scene.wal.trims).to.deep.equal([])
    isDown = false
    await scene.committed(key)
    expect(scene.wal.trims).to.deep.equal([{ key, through: 2n }])
    expect(scene.catalog.commits).to.have.length(1)
  })

  it('is made up for when it failed, without committing again', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const sequences = scene.add(key, 2)
    scene.wal.failNext.set('trim', new WalError('io', 'disk failed'))
    await scene.committed(key)
    expect(scene.catalog.commits).to.have.length(1)
    expect(await scene.catalog.sequences('t')).to.deep.equal(sequences)
  })

  it('is all that a restart does with entries that are in the table', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const sequences = scene.add(key, 2)
    const before = scene.log.copy()
    await scene.committed(key)
    // Killed after the commit and before the trim: the same log as it was, opened again.
    const wal = before.open()
    const processor = scene.start(wal)
    await scene.world.until(() => wal.keys()[0]?.entries === 0)
    expect(await scene.catalog.sequences('t')).to.deep.equal(sequences)
    expect(scene.encoder.jobs).to.have.length(1)
    expect(processor.status()[0]?.state.kind).to.equal('idle')
  })

  it("splits a restart's backlog at the watermark", async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const before = scene.log
    scene.add(key, 2)
    const copy = before.copy()
    await scene.committed(key)
    const wal = copy.open()
    wal.add(key)
    scene.start(wal)
    await scene.world.until(() => wal.keys()[0]?.entries === 0)
    expect(await scene.catalog.sequences('t')).to.deep.equal([1n, 2n, 3n])
    expect(scene.encoder.jobs.at(-1)?.sequences).to.deep.equal([3n])
  })
})

describe('a table that changed under its log', () => {
  it('stops alone when it was dropped, and keeps its entries', async () => {
    const scene = new Scene()
    const dropped = scene.catalog.create('dropped')
    const other = scene.catalog.create('other')
    scene.add(dropped, 1)
    const sequences = scene.add(other, 1)
    scene.catalog.drop('dropped')
    await scene.committed(other)
    await scene.world.pass(60_000)
    expect(scene.status(dropped).state).to.include({ kind: 'stopped', cause: 'dropped' })
    expect(scene.pending(dropped)).to.equal(1)
    expect(await scene.catalog.sequences('other')).to.deep.equal(sequences)
  })

  it('stops when another table has taken its name, and never writes into that', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    scene.add(key, 1)
    const renewed = scene.catalog.create('t')
    const [sequence] = scene.add(renewed, 1)
    await scene.committed(renewed)
    expect(scene.status(key).state).to.include({ kind: 'stopped', cause: 'replaced' })
    expect(scene.pending(key)).to.equal(1)
    expect(await scene.catalog.sequences('t')).to.deep.equal([sequence])
  })

  it('stops when it was set back below what was trimmed', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    scene.add(key, 1)
    await scene.committed(key)
    const old = scene.catalog.table('t')
    scene.add(key, 1)
    await scene.committed(key)
    scene.catalog.restore('t', old)
    scene.add(key, 1)
    await scene.world.until(() => scene.status(key).state.kind === 'stopped')
    expect(scene.status(key).state).to.include({ cause: 'lost' })
    expect(scene.pending(key)).to.equal(1)
  })

  it('stops when its watermark vanished', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    scene.add(key, 1)
    await scene.committed(key)
    const removals = [watermarkKey(scene.log.id)]
    scene.catalog.change('t', [{ action: 'remove-properties', removals }])
    scene.add(key, 1)
    await scene.world.until(() => scene.status(key).state.kind === 'stopped')
    expect(scene.status(key).state).to.include({ cause: 'lost' })
  })

  it('goes on when its snapshots were expired and other writers were at work', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const sequences = scene.add(key, 1)
    await scene.committed(key)
    await scene.catalog.foreignAppend('t')
    scene.catalog.expire('t')
    sequences.push(...scene.add(key, 1))
    await scene.committed(key)
    expect(await scene.catalog.sequences('t')).to.deep.equal(sequences)
  })
})

describe('a second opening of the log', () => {
  it('makes the first one stop once it has committed', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    scene.add(key, 1)
    await scene.committed(key)
    const zombie = { processor: scene.processor, wal: scene.wal }
    scene.restart()
    const [sequence] = scene.add(key, 1)
    await scene.committed(key)
    zombie.wal.add(key)
    await scene.world.until(() => zombie.processor.status()[0]?.state.kind === 'stopped')
    expect(zombie.processor.status()[0]?.state).to.include({ cause: 'fenced' })
    expect(await scene.catalog.sequences('t')).to.deep.equal([1n, sequence])
  })

  it('is refused when it is a copy at the same epoch', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const copy = scene.log.copy()
    scene.restart()
    scene.add(key, 1)
    await scene.committed(key)
    const clone = copy.open()
    clone.add(key)
    clone.add(key)
    const processor = scene.start(clone)
    await scene.world.until(() => processor.status()[0]?.state.kind === 'stopped')
    expect(processor.status()[0]?.state).to.include({ cause: 'fenced' })
    expect(await scene.catalog.sequences('t')).to.deep.equal([1n])
  })

  it('is refused when it is an old backup', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const backup = scene.log.copy()
    scene.add(key, 3)
    await scene.committed(key)
    backup.open()
    const restored = backup.open()
    const processor = scene.start(restored)
    restored.add(key)
    await scene.world.until(() => processor.status()[0]?.state.kind === 'stopped')
    expect(processor.status()[0]?.state).to.include({ cause: 'fenced' })
    expect(restored.keys()[0]?.entries).to.equal(1)
  })

  it('is refused also after it was opened again with entries of its own', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const copy = scene.log.copy()
    scene.restart()
    scene.add(key, 2)
    await scene.committed(key)
    const clone = copy.open()
    for (let i = 0; i < 3; i++) clone.add(key)
    const reopened = copy.open()
    const processor = scene.start(reopened)
    await scene.world.until(() => processor.status()[0]?.state.kind !== 'committing')
    await scene.world.until(() => processor.status()[0]?.state.kind !== 'idle')
    expect(processor.status()[0]?.state).to.include({ cause: 'fenced' })
    expect(reopened.keys()[0]?.entries).to.equal(3)
    expect(await scene.catalog.sequences('t')).to.deep.equal([1n, 2n])
  })

  it('is refused also when the first one committed on without being opened again', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const backup = scene.log.copy()
    scene.add(key, 2)
    await scene.committed(key)
    const restored = backup.open()
    for (let i = 0; i < 3; i++) restored.add(key)
    const reopened = backup.open()
    const processor = scene.start(reopened)
    await scene.world.until(() => processor.status()[0]?.state.kind === 'stopped')
    expect(processor.status()[0]?.state).to.include({ cause: 'fenced' })
    expect(reopened.keys()[0]?.entries).to.equal(3)
  })

  it('takes over what a late request of the first one has put in', async () => {
    let isFirst = true
    const scene = new Scene({
      behaviour: {
        commitFault: () => {
          const fault = isFirst ? ('late' as const) : undefined
          isFirst = false
          return fault
        },
        lateByMs: () => 400,
      },
    })
    const key = scene.catalog.create('t')
    scene.add(key, 2)
    await scene.world.until(() => scene.catalog.commits.length === 1)
    await scene.world.settled(scene.processor.close({ commit: false }))
    scene.restart()
    scene.add(key, 1)
    await scene.committed(key)
    await scene.world.pass(1_000)
    expect(await scene.catalog.sequences('t')).to.deep.equal([1n, 2n, 3n])
  })
})

it('names the table that it commits to', async () => {
  const scene = new Scene()
  const key = scene.catalog.create('t')
  scene.add(key, 1)
  await scene.committed(key)
  expect(scene.status(key).table).to.deep.equal(identifierOf('t'))
})
