/**
 * What every object store must do, whatever it is made of: run on each implementation and on
 * each fake. `object-store.contract.test.ts` says which.
 */
import { expect } from 'chai'
import type { ObjectInfo, ObjectStore } from '../../src/storage/object-store.ts'
import { kindOf } from '../support/catalog-fixtures.ts'

export interface StoreUnderTest {
  readonly store: ObjectStore
  /** Where the suite may write; without a slash at its end. */
  readonly root: string
  dispose(): Promise<void>
}

const text = (value: string) => new TextEncoder().encode(value)

export function describeObjectStore(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`object store: ${name}`, () => {
    let store: ObjectStore
    let root: string
    let dispose: () => Promise<void>

    beforeEach(async () => {
      const made = await make()
      store = made.store
      root = made.root
      dispose = () => made.dispose()
    })
    afterEach(() => dispose())

    async function read(location: string): Promise<string> {
      return new TextDecoder().decode(await store.get(location))
    }

    async function listed(prefix: string): Promise<ObjectInfo[]> {
      const infos: ObjectInfo[] = []
      for await (const info of store.list(prefix)) infos.push(info)
      return infos.sort((a, b) => (a.location < b.location ? -1 : 1))
    }

    it('gives back the parts of a put as one object', async () => {
      const location = `${root}/a/b/c.bin`
      await store.put(location, [text('one '), new Uint8Array(), text('two '), text('three')])
      expect(await read(location)).to.equal('one two three')
    })

    it('keeps an object of no parts and one of empty parts', async () => {
      await store.put(`${root}/none`, [])
      await store.put(`${root}/empty`, [new Uint8Array(), new Uint8Array()])
      expect((await store.get(`${root}/none`)).length).to.equal(0)
      expect((await store.head(`${root}/empty`))?.bytes).to.equal(0)
    })

    it('keeps an object of thousands of parts, byte for byte', async () => {
      const parts = Array.from({ length: 3_000 }, (_, i) => new Uint8Array(i % 7).fill(i))
      const location = `${root}/many`
      await store.put(location, parts)
      expect(Buffer.compare(await store.get(location), Buffer.concat(parts))).to.equal(0)
    })

    it('does not see what the caller does with its memory afterwards', async () => {
      const bytes = text('before')
      await store.put(`${root}/o`, [bytes])
      bytes.fill(0)
      const first = await store.get(`${root}/o`)
      first.fill(0)
      expect(await read(`${root}/o`)).to.equal('before')
    })

    it('replaces an object whole', async () => {
      await store.put(`${root}/o`, [text('a long first version')])
      await store.put(`${root}/o`, [text('second')])
      expect(await read(`${root}/o`)).to.equal('second')
    })

    it('reads ranges, the empty one included', async () => {
      await store.put(`${root}/o`, [text('0123456789')])
      const range = async (start: number, end: number) =>
        new TextDecoder().decode(await store.get(`${root}/o`, { start, end }))
      expect(await range(0, 10)).to.equal('0123456789')
      expect(await range(3, 5)).to.equal('34')
      expect(await range(9, 10)).to.equal('9')
      expect(await range(10, 10)).to.equal('')
    })

    it('refuses a range that is not in the object', async () => {
      await store.put(`${root}/o`, [text('0123456789')])
      for (const [start, end] of [
        [0, 11],
        [-1, 2],
        [5, 4],
        [0.5, 2],
        [11, 11],
      ] as const) {
        expect(await kindOf(store.get(`${root}/o`, { start, end }))).to.equal('invalid')
      }
    })

    it('says that a missing object is not found, and heads it as undefined', async () => {
      expect(await kindOf(store.get(`${root}/nowhere/o`))).to.equal('not-found')
      expect(await store.head(`${root}/nowhere/o`)).to.equal(undefined)
    })

    it('does not take a directory, or a name below an object, for an object', async () => {
      await store.put(`${root}/d/o`, [text('x')])
      expect(await store.head(`${root}/d`)).to.equal(undefined)
      expect(await kindOf(store.get(`${root}/d`))).to.equal('not-found')
      expect(await store.head(`${root}/d/o/below`)).to.equal(undefined)
      expect(await kindOf(store.get(`${root}/d/o/below`))).to.equal('not-found')
      await store.delete(`${root}/d`)
      expect(await read(`${root}/d/o`)).to.equal('x')
    })

    it('heads an object with its size and time', async () => {
      await store.put(`${root}/o`, [text('12345')])
      const info = await store.head(`${root}/o`)
      expect(info?.location).to.equal(`${root}/o`)
      expect(info?.bytes).to.equal(5)
      expect(Number.isSafeInteger(info?.modifiedAt)).to.equal(true)
    })

    it('refuses to replace with ifAbsent, and changes nothing', async () => {
      await store.put(`${root}/o`, [text('first')], { ifAbsent: true })
      const second = store.put(`${root}/o`, [text('second')], { ifAbsent: true })
      expect(await kindOf(second)).to.equal('already-exists')
      expect(await read(`${root}/o`)).to.equal('first')
    })

    it('lets exactly one of twenty concurrent ifAbsent puts win, whole', async () => {
      const location = `${root}/race/o`
      const attempts = Array.from({ length: 20 }, async (_, i) => {
        const put = store.put(location, [text(`writer ${i}`)], { ifAbsent: true })
        return put.then(
          () => i,
          () => undefined,
        )
      })
      const winners = (await Promise.all(attempts)).filter((i) => i !== undefined)
      expect(winners).to.have.length(1)
      expect(await read(location)).to.equal(`writer ${winners[0]}`)
    })

    it('never shows a reader half an object while it is replaced', async () => {
      const location = `${root}/o`
      const versions = ['a', 'b'].map((letter) => text(letter.repeat(50_000)))
      await store.put(location, [versions[0] ?? text('')])
      const writes = Array.from({ length: 10 }, (_, i) =>
        store.put(location, [versions[i % 2] ?? text('')]),
      )
      const reads = Array.from({ length: 20 }, () => read(location))
      for (const seen of await Promise.all(reads)) {
        expect(seen === 'a'.repeat(50_000) || seen === 'b'.repeat(50_000)).to.equal(true)
      }
      await Promise.all(writes)
    })

    it('lists every object whose location starts with the prefix, at every depth', async () => {
      for (const name of ['t/data/1', 't/data/2', 't/metadata/m', 'table/data/3', 'u/x']) {
        await store.put(`${root}/${name}`, [text(name)])
      }
      const names = async (prefix: string) =>
        (await listed(`${root}/${prefix}`)).map(({ location }) => location.slice(root.length + 1))
      expect(await names('t/')).to.deep.equal(['t/data/1', 't/data/2', 't/metadata/m'])
      expect(await names('t')).to.have.length(4)
      expect(await names('t/d')).to.deep.equal(['t/data/1', 't/data/2'])
      expect(await names('t/data/1')).to.deep.equal(['t/data/1'])
      expect(await names('nothing/')).to.deep.equal([])
      expect((await listed(`${root}/u/`))[0]?.bytes).to.equal(3)
    })

    it('lists nothing that a put or its race left over', async () => {
      await Promise.all(
        Array.from({ length: 5 }, () =>
          store.put(`${root}/o`, [text('x')], { ifAbsent: true }).catch(() => {}),
        ),
      )
      expect((await listed(`${root}/`)).map(({ location }) => location)).to.deep.equal([
        `${root}/o`,
      ])
    })

    it('deletes, and deletes again without complaint', async () => {
      await store.put(`${root}/o`, [text('x')])
      await store.delete(`${root}/o`)
      await store.delete(`${root}/o`)
      expect(await store.head(`${root}/o`)).to.equal(undefined)
      await store.put(`${root}/o`, [text('y')], { ifAbsent: true })
      expect(await read(`${root}/o`)).to.equal('y')
    })

    it('refuses every location that could mean another place', async () => {
      const hostile = [
        `${root}/../o`,
        `${root}/a/../../o`,
        `${root}/./o`,
        `${root}//o`,
        `${root}/`,
        `${root}/a%2e%2e/o`,
        `${root}/a?b`,
        `${root}/a#b`,
        `${root}/a\\b`,
        `${root}/a\u0000b`,
        `${root}/${'x'.repeat(5_000)}`,
        '/etc/passwd',
        'o',
        '',
      ]
      for (const location of hostile) {
        expect(await kindOf(store.put(location, [text('x')])), location).to.equal('invalid')
        expect(await kindOf(store.get(location)), location).to.equal('invalid')
        expect(await kindOf(store.head(location)), location).to.equal('invalid')
        expect(await kindOf(store.delete(location)), location).to.equal('invalid')
      }
      expect(await kindOf(listed(`${root}/../`))).to.equal('invalid')
    })
  })
}
