import { mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { createFileStore, isTemporaryName } from '../../../src/storage/file-store.ts'
import { locationOfPath } from '../../../src/storage/location.ts'
import { kindOf, scratchDirectory } from '../../support/catalog-fixtures.ts'
import { recordSyncs } from '../../support/recorded-syncs.ts'

describe('file store', () => {
  const store = createFileStore()
  let path: string
  let root: string
  let remove: () => Promise<void>

  beforeEach(async () => {
    const scratch = await scratchDirectory()
    path = scratch.path
    root = locationOfPath(path)
    remove = () => scratch.remove()
  })
  afterEach(() => remove())

  const put = (name: string) => store.put(`${root}/${name}`, [Buffer.from(name)])
  async function listed(): Promise<string[]> {
    const locations: string[] = []
    for await (const { location } of store.list(`${root}/`)) locations.push(location)
    return locations.map((location) => location.slice(root.length + 1)).sort()
  }

  it('puts the object where its location says, and leaves nothing else', async () => {
    await put('a/b/o')
    await store.put(`${root}/a/b/p`, [Buffer.from('p')], { ifAbsent: true })
    expect((await readdir(path, { recursive: true })).sort()).to.deep.equal([
      'a',
      'a/b',
      'a/b/o',
      'a/b/p',
    ])
  })

  it('lists no temporary file of a put that was killed, and puts beside it', async () => {
    const fixed = createFileStore({ ulid: () => 'KILLED' })
    await writeFile(join(path, '.frazil-KILLED.tmp'), 'half')
    expect(isTemporaryName('.frazil-KILLED.tmp')).to.equal(true)
    expect(await listed()).to.deep.equal([])
    expect(await kindOf(fixed.put(`${root}/o`, []))).to.equal('unavailable')
    await put('o')
    expect(await listed()).to.deep.equal(['o'])
    expect(await kindOf(put('.frazil-x.tmp'))).to.equal('invalid')
  })

  it('cleans up after a put that failed, and says that it is unavailable with the cause', async () => {
    await mkdir(join(path, 'taken'))
    const failed = await put('taken').catch((error: Error) => error)
    expect(failed).to.have.property('kind', 'unavailable')
    expect(failed).to.have.property('cause').instanceOf(Error)
    expect(await readdir(path)).to.deep.equal(['taken'])
  })

  it('does not say already-exists of a put that may replace', async () => {
    await put('file')
    expect(await kindOf(put('file/below'))).to.equal('unavailable')
  })

  it('does not say already-exists of an object whose name may not survive a power cut', async () => {
    await put('other')
    const syncs = await recordSyncs()
    const putOnce = () => store.put(`${root}/o`, [Buffer.from('o')], { ifAbsent: true })
    try {
      syncs.before = (synced) => {
        if (synced === path) throw Object.assign(new Error('EIO'), { code: 'EIO' })
      }
      expect(await kindOf(putOnce())).to.equal('unavailable')
      expect(await kindOf(putOnce())).to.equal('unavailable')
      syncs.before = () => {}
      expect(await kindOf(putOnce())).to.equal('already-exists')
      expect(syncs.paths).to.include(path)
    } finally {
      syncs.restore()
    }
  })

  it('puts into a directory that was removed or moved behind its back', async () => {
    await put('a/b/c/one')
    await rm(join(path, 'a'), { recursive: true })
    await put('a/b/c/two')
    await rename(join(path, 'a'), join(path, 'z'))
    await store.put(`${root}/a/b/c/three`, [Buffer.from('3')], { ifAbsent: true })
    expect(await listed()).to.deep.equal(['a/b/c/three', 'z/b/c/two'])
  })

  it('makes a deep new directory once for many concurrent puts', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => put(`x/y/z/${i}`)))
    expect(await listed()).to.have.length(20)
  })

  it('follows no symbolic link when listing, so that a circle ends', async () => {
    await put('t/o')
    await symlink(path, join(path, 't', 'circle'))
    expect(await listed()).to.deep.equal(['t/o'])
  })

  it('refuses locations that are not of this machine', async () => {
    for (const location of ['s3://bucket/key', 'file://host/share/o', 'file:/tmp/o', '/tmp/o']) {
      expect(await kindOf(store.get(location)), location).to.equal('invalid')
    }
  })

  it('says invalid of a name that the disk cannot hold', async () => {
    expect(await kindOf(put('x'.repeat(300)))).to.equal('invalid')
  })
})
