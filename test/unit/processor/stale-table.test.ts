import { expect } from 'chai'
import { Scene } from '../../support/processor-scene.ts'

describe('a table that has changed since it was last loaded', () => {
  function evolve(scene: Scene): void {
    const base = scene.catalog.table('t').schemas[0]
    const fields = [
      ...(base?.fields ?? []),
      { id: 90, name: 'late', required: false, type: 'int' as const },
    ]
    scene.catalog.change('t', [
      { action: 'add-schema', schema: { type: 'struct', 'schema-id': 1, fields } },
      { action: 'set-current-schema', 'schema-id': -1 },
    ])
  }

  it('does not condemn entries that need what it has now', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const first = scene.add(key, 1)
    await scene.committed(key)
    evolve(scene)
    const second = scene.add(key, 2, 'needs schema 1')
    await scene.committed(key)
    expect(await scene.catalog.sequences('t')).to.deep.equal([...first, ...second])
    expect(scene.log.quarantined).to.deep.equal([])
  })

  it('still sets aside what no table could take', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    const first = scene.add(key, 1)
    await scene.committed(key)
    evolve(scene)
    scene.add(key, 1, 'poison')
    const last = scene.add(key, 1)
    await scene.committed(key)
    expect(await scene.catalog.sequences('t')).to.deep.equal([...first, ...last])
    expect(scene.log.quarantined).to.have.length(1)
  })

  it('stops when it was dropped, and sets nothing aside', async () => {
    const scene = new Scene()
    const key = scene.catalog.create('t')
    scene.add(key, 1)
    await scene.committed(key)
    scene.catalog.drop('t')
    scene.add(key, 1, 'poison')
    await scene.world.until(() => scene.status(key).state.kind === 'stopped')
    expect(scene.log.quarantined).to.deep.equal([])
  })
})
