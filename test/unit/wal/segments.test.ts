import { expect } from 'chai'
import type { Wal } from '#wal'
import { scanSegment } from '../../../wal/scan.ts'
import { openWalOn } from '../../../wal/wal.ts'
import { createFaultyFiles } from '../../support/wal-faulty-files.ts'
import {
  bytesEntry,
  crashCopy,
  described,
  kind,
  readAll,
  readSegment,
  removeTemporaryDirectories,
  segmentNames,
  temporaryDirectory,
  textEntry,
  walOptions,
  withWal,
} from '../../support/wal-log.ts'

const SEGMENT = 16 * 1024
const LIMITS = { segmentBytes: SEGMENT, logBytesMax: SEGMENT * 8 }

describe('segments', () => {
  after(removeTemporaryDirectories)

  async function appendUntilFull(wal: Wal, key: string, bytes: number): Promise<number> {
    for (let i = 0; i < 1_000; i++) {
      if ((await kind(wal.append(bytesEntry(key, bytes)))) === 'full') return i
    }
    throw new Error('never full')
  }

  it('reuses trimmed segments instead of growing', async () => {
    const directory = temporaryDirectory()
    await withWal(walOptions(directory, LIMITS), async (wal) => {
      for (let i = 1; i <= 200; i++) {
        const { sequence } = await wal.append(bytesEntry('k', 2_000, i & 255))
        if (i % 5 === 0) await wal.trim('k', sequence - 2n)
      }
      expect(wal.stats().segments).to.be.lessThan(6)
      expect((await readAll(wal, 'k')).map(({ sequence }) => sequence)).to.deep.equal([199n, 200n])
    })
  })

  it('never takes stale frames of a recycled segment for its own', async () => {
    const directory = temporaryDirectory()
    await withWal(walOptions(directory, LIMITS), async (wal) => {
      for (let i = 1; i <= 40; i++) await wal.append(textEntry('k', `old ${i}`.padEnd(1_000)))
      await wal.trim('k', 40n)
      for (let i = 41; i <= 52; i++) await wal.append(textEntry('k', `new ${i}`.padEnd(1_000)))
      const copy = crashCopy(directory)
      const stale = segmentNames(copy).filter((name) => {
        const bytes = readSegment(copy, name)
        const life = scanSegment(name, bytes)?.life.ordinal ?? 0
        for (let at = 0; at < bytes.length - 40; at += 8) {
          const isMagic = bytes.toString('latin1', at, at + 4) === 'FZLg'
          if (isMagic && Number(bytes.readBigUInt64LE(at + 32)) < life) return true
        }
        return false
      })
      expect(stale).not.to.deep.equal([])
      await withWal(walOptions(copy, LIMITS), async (copied) => {
        const texts = described(await readAll(copied, 'k')).map((text) => text.trim())
        expect(texts).to.deep.equal(Array.from({ length: 12 }, (_, i) => `${41 + i}:new ${41 + i}`))
        expect(copied.stats().recovery).to.deep.include({ damaged: [], tornTailBytes: 0 })
      })
    })
  })

  it('refuses a frame that a payload carries', async () => {
    const directory = temporaryDirectory()
    await withWal(walOptions(directory, LIMITS), async (wal) => {
      await wal.append(textEntry('k', 'inner'))
      const copy = crashCopy(directory)
      const name = segmentNames(copy).find((name) => readSegment(copy, name).readUInt32LE(0) !== 0)
      const frames = readSegment(copy, name ?? '').subarray(0, 4_096)
      await withWal(walOptions(temporaryDirectory(), LIMITS), async (other) => {
        await other.append({ key: 'k', payload: [frames], definitions: [] })
        await other.append(textEntry('k', 'after'))
        const [first, second] = await readAll(other, 'k')
        expect(first?.kind === 'entry' && Buffer.from(first.payload).equals(frames)).to.equal(true)
        expect(described(second ? [second] : [])).to.deep.equal(['2:after'])
      })
    })
  })

  it('stores a definition once a segment, and in each segment that needs it', async () => {
    const directory = temporaryDirectory()
    const definition = { id: 'a'.repeat(32), parts: [Buffer.alloc(1_000, 7)] }
    await withWal(walOptions(directory, LIMITS), async (wal) => {
      const entry = { ...bytesEntry('k', 1_000), definitions: [definition] }
      for (let i = 0; i < 30; i++) await wal.append(entry)
      await wal.trim('k', 25n)
      for (let i = 0; i < 30; i++) await wal.append(entry)
    })
    for (const name of segmentNames(directory)) {
      const kinds = (scanSegment(name, readSegment(directory, name))?.frames ?? []).map(
        ({ head }) => head.kind,
      )
      const expected = kinds.includes('entry') ? 1 : 0
      expect(kinds.filter((kind) => kind === 'definition').length).to.equal(expected)
    }
    await withWal(walOptions(directory, LIMITS), async (wal) => {
      const entries = await readAll(wal, 'k')
      expect(entries.length).to.equal(35)
      for (const entry of entries) {
        if (entry.kind !== 'entry') throw new Error(entry.reason)
        expect(
          Buffer.from(entry.definitions[0]?.bytes ?? []).equals(Buffer.alloc(1_000, 7)),
        ).to.equal(true)
      }
    })
  })

  it('gives a larger entry a segment of its own, and removes that when it is trimmed', async () => {
    const directory = temporaryDirectory()
    await withWal(walOptions(directory, LIMITS), async (wal) => {
      await wal.append(textEntry('k', 'before'))
      await wal.append(bytesEntry('k', 40_000, 9))
      await wal.append(textEntry('k', 'after'))
      const entries = await readAll(wal, 'k')
      expect(entries.map((entry) => entry.kind === 'entry' && entry.payload.length)).to.deep.equal([
        6, 40_000, 5,
      ])
      expect(wal.stats().logBytes % SEGMENT).not.to.equal(0)
      await wal.trim('k', 2n)
      for (let i = 0; i < 12; i++) await wal.append(bytesEntry('k', 1_500))
      expect(wal.stats().logBytes % SEGMENT).to.equal(0)
    })
    await withWal(walOptions(directory, LIMITS), async (wal) => {
      expect(wal.keys()[0]?.entries).to.equal(13)
      expect(wal.stats().recovery.damaged).to.deep.equal([])
    })
  })

  it('refuses appends at logBytesMax, still takes trims, and then goes on', async () => {
    const directory = temporaryDirectory()
    await withWal(walOptions(directory, LIMITS), async (wal) => {
      const appended = await appendUntilFull(wal, 'k', 1_500)
      expect(wal.stats().logBytes).to.be.at.most(LIMITS.logBytesMax)
      expect(await kind(wal.append(bytesEntry('k', 1_500)))).to.equal('full')
      expect((await readAll(wal, 'k')).length).to.equal(appended)
      await wal.trim('k', BigInt(appended))
      const { sequence } = await wal.append(bytesEntry('k', 1_500))
      expect(sequence).to.equal(BigInt(appended + 1))
      expect(await appendUntilFull(wal, 'k', 1_500)).to.be.greaterThan(appended / 2)
    })
  })

  it('refuses the whole queue of a producer when the log is full, so that no gap arises', async () => {
    await withWal(walOptions(temporaryDirectory(), LIMITS), async (wal) => {
      const send = (i: number) =>
        wal.append({ ...bytesEntry('k', 1_500), producer: { id: 'p', sequence: BigInt(i) } })
      const kinds = await Promise.all(Array.from({ length: 200 }, (_, i) => kind(send(i))))
      const firstFull = kinds.indexOf('full')
      expect(firstFull).to.be.greaterThan(0)
      expect(kinds.slice(firstFull).every((kind) => kind === 'full')).to.equal(true)
      await wal.trim('k', BigInt(firstFull))
      expect(await send(firstFull)).to.deep.include({ isDuplicate: false })
    })
  })

  it('keeps the disk reserve: appends are refused below it, and accepted above it again', async () => {
    const faulty = createFaultyFiles()
    const options = walOptions(temporaryDirectory(), { ...LIMITS, diskReserveBytes: 1_000_000 })
    const wal = await openWalOn(options, faulty.files)
    faulty.freeBytes = 900_000
    const appended = await appendUntilFull(wal, 'k', 1_500)
    expect(appended).to.be.greaterThan(3)
    faulty.freeBytes = undefined
    expect(await kind(wal.append(bytesEntry('k', 1_500)))).to.equal('resolved')
    await wal.close()
  })

  it('does not let one live entry pin its segment for ever', async () => {
    const directory = temporaryDirectory()
    await withWal(walOptions(directory, LIMITS), async (wal) => {
      const pinned: string[] = []
      for (let i = 0; i < 40; i++) {
        const { sequence } = await wal.append(textEntry(`slow ${i}`, `pinned ${i}`))
        pinned.push(`${sequence}:pinned ${i}`)
        for (let j = 0; j < 6; j++) {
          const append = () => wal.append(bytesEntry('fast', 1_500))
          // What is refused while entries are moved is what a caller would retry.
          while ((await kind(append())) === 'full') await wal.read('fast', 0n, 1)
        }
        await wal.trim('fast', wal.stats().durableThrough)
      }
      expect(wal.stats().logBytes).to.be.at.most(LIMITS.logBytesMax)
      const readPinned = async (from: Wal) => {
        const read: string[] = []
        for (let i = 0; i < 40; i++) read.push(...described(await readAll(from, `slow ${i}`)))
        return read
      }
      expect(await readPinned(wal)).to.deep.equal(pinned)
      const copy = crashCopy(directory)
      await withWal(walOptions(copy, LIMITS), async (copied) => {
        expect(copied.stats().recovery.damaged).to.deep.equal([])
        expect(await readPinned(copied)).to.deep.equal(pinned)
      })
    })
  })
})
