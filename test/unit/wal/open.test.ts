import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { inspectWal, openWal } from '#wal'
import { nodeFiles } from '../../../wal/files.ts'
import { IndexStore } from '../../../wal/index-store.ts'
import { openLog } from '../../../wal/open.ts'
import { Reader } from '../../../wal/reader.ts'
import { openWalOn } from '../../../wal/wal.ts'
import { recordSyncs } from '../../support/recorded-syncs.ts'
import { createFaultyFiles, systemError } from '../../support/wal-faulty-files.ts'
import {
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
  writeSegment,
} from '../../support/wal-log.ts'

describe('reading', () => {
  after(removeTemporaryDirectories)

  it('never calls an entry corrupt because the disk could not be read', async () => {
    const faulty = createFaultyFiles()
    const wal = await openWalOn(walOptions(temporaryDirectory()), faulty.files)
    await wal.append(textEntry('k', 'one'))
    faulty.before = (call) => {
      if (call === 'read') throw systemError('EIO')
    }
    expect(await kind(wal.read('k', 0n, 1_000))).to.equal('io')
    faulty.before = () => {}
    expect(described(await readAll(wal, 'k'))).to.deep.equal(['1:one'])
    await wal.close()
  })
})

describe('opening', () => {
  let directory: string

  beforeEach(async () => {
    directory = temporaryDirectory()
    await withWal(walOptions(directory), async (wal) => {
      for (const text of ['one', 'two', 'three']) await wal.append(textEntry('k', text))
      await wal.trim('k', 1n)
    })
  })
  after(removeTemporaryDirectories)

  function snapshot(): Map<string, string> {
    return new Map(
      segmentNames(directory).map((name) => [name, readSegment(directory, name).toString('hex')]),
    )
  }

  it('is refused while another process has the log, and not when that process has died', async () => {
    const script = `
      const { openWal } = await import(${JSON.stringify(import.meta.resolve('#wal'))})
      const options = ${JSON.stringify(walOptions(directory))}
      await openWal({ ...options, now: () => 0, newId: () => 'x' })
      console.log('open')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    expect(await kind(openWal(walOptions(directory)))).to.equal('locked')
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await exited
    await withWal(walOptions(directory), async (wal) => {
      expect(described(await readAll(wal, 'k'))).to.deep.equal(['2:two', '3:three'])
    })
  })

  for (const code of ['EIO', 'EACCES', 'EMFILE']) {
    for (const call of ['open', 'read'] as const) {
      it(`fails and changes nothing when a segment's ${call} fails with ${code}`, async () => {
        const before = snapshot()
        const faulty = createFaultyFiles()
        faulty.before = (made, name) => {
          if (made === call && name !== segmentNames(directory)[0]) throw systemError(code)
        }
        expect(await kind(openWalOn(walOptions(directory), faulty.files))).to.equal('io')
        expect(snapshot()).to.deep.equal(before)
        await withWal(walOptions(directory), async (wal) => {
          expect(described(await readAll(wal, 'k'))).to.deep.equal(['2:two', '3:three'])
          expect(wal.epoch).to.equal(2n)
        })
      })
    }
  }

  it('makes a deleted index again, with nothing missing', async () => {
    rmSync(join(directory, 'index'), { recursive: true })
    await withWal(walOptions(directory), async (wal) => {
      expect(described(await readAll(wal, 'k'))).to.deep.equal(['2:two', '3:three'])
      expect(wal.stats().recovery).to.deep.include({ entries: 2, indexRepairs: 2, damaged: [] })
    })
  })

  it('makes an index that cannot be opened again', async () => {
    writeFileSync(join(directory, 'index', 'CURRENT'), 'nonsense')
    await withWal(walOptions(directory), async (wal) => {
      expect(described(await readAll(wal, 'k'))).to.deep.equal(['2:two', '3:three'])
    })
  })

  it("repairs an older copy's index: missing records are added and stale ones removed", async () => {
    const older = crashCopy(directory)
    await withWal(walOptions(directory), async (wal) => {
      await wal.append(textEntry('k', 'four'))
      await wal.trim('k', 2n)
    })
    rmSync(join(directory, 'index'), { recursive: true })
    const copy = crashCopy(directory)
    cpSync(join(older, 'index'), join(copy, 'index'), { recursive: true })
    await withWal(walOptions(copy), async (wal) => {
      expect(described(await readAll(wal, 'k'))).to.deep.equal(['3:three', '4:four'])
      expect(wal.stats().recovery.indexRepairs).to.equal(2)
    })
  })

  it('notices when the index has seen entries that no segment holds, and skips their numbers', async () => {
    const older = crashCopy(directory)
    await withWal(walOptions(directory), async (wal) => {
      await wal.append(textEntry('k', 'four'))
    })
    rmSync(join(older, 'index'), { recursive: true })
    cpSync(join(directory, 'index'), join(older, 'index'), { recursive: true })
    await withWal(walOptions(older), async (wal) => {
      expect(wal.stats().recovery.damaged.map(({ reason }) => reason)).to.deep.equal([
        'entries 4 to 4 were acknowledged and are in no segment',
      ])
      expect((await wal.append(textEntry('k', 'next'))).sequence).to.equal(5n)
    })
  })

  it('notices when the newest segment is gone, and gives none of its numbers out again', async () => {
    const newest = segmentNames(directory).find(
      (name) => readSegment(directory, name).readUInt32LE(0) !== 0,
    )
    rmSync(join(directory, 'segments', newest ?? ''))
    rmSync(join(directory, 'index'), { recursive: true })
    await withWal(walOptions(directory), async (wal) => {
      expect(wal.stats().recovery.damaged.length).to.equal(1)
      expect((await wal.append(textEntry('k', 'next'))).sequence > 3n).to.equal(true)
    })
  })

  it('makes the way to it durable also when an earlier process made it and died', async () => {
    const parent = temporaryDirectory()
    const nested = join(parent, 'data', 'wal')
    mkdirSync(join(nested, 'segments'), { recursive: true })
    const syncs = await recordSyncs()
    try {
      await withWal(walOptions(nested), async () => {})
    } finally {
      syncs.restore()
    }
    expect(syncs.paths).to.include.members([parent, join(parent, 'data'), nested])
  })

  it('remembers its openings and where each began, which a copy of it cannot make up', async () => {
    const copy = crashCopy(directory)
    const here = await withWal(walOptions(directory), async (wal) => wal.openings)
    const there = await withWal(walOptions(copy), async (wal) => wal.openings)
    expect(here.map(({ epoch, firstSequence }) => [epoch, firstSequence])).to.deep.equal([
      [1n, 1n],
      [2n, 4n],
    ])
    expect(there[0]).to.deep.equal(here[0])
    expect(there[1]?.nonce).not.to.equal(here[1]?.nonce)
    await withWal(walOptions(directory), async ({ epoch, nonce, openings }) => {
      expect(openings.slice(0, -1)).to.deep.equal(here)
      expect(openings.at(-1)).to.deep.equal({ epoch, nonce, firstSequence: 4n })
    })
  })

  it('does not miss a segment that an opening before took as free, however many die', async () => {
    const other = temporaryDirectory()
    const payload = [Buffer.alloc(20_000)]
    const crashed = await withWal(walOptions(other), async (wal) => {
      for (let i = 0; i < 2; i++) await wal.append({ key: 'k', payload, definitions: [] })
      await wal.trim('k', 1n)
      return crashCopy(other)
    })
    for (let i = 0; i < 3; i++) {
      const faulty = createFaultyFiles()
      faulty.before = (call, name) => {
        if (call !== 'write') return
        // Power fails in the first write: some of it is there.
        if (i > 0) writeSegment(crashed, name, Buffer.alloc(32 * 1024, 7))
        throw systemError('EIO')
      }
      expect(await kind(openWalOn(walOptions(crashed), faulty.files))).to.equal('io')
    }
    await withWal(walOptions(crashed), async (wal) => {
      expect(wal.stats().recovery.damaged).to.deep.equal([])
      expect((await readAll(wal, 'k')).map(({ sequence }) => sequence)).to.deep.equal([2n])
    })
  })

  it('refuses a log of a newer format, and one that has lost its identity', async () => {
    const path = join(directory, 'identity.json')
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.replace('"format":1', '"format":2'))
    expect(await kind(openWal(walOptions(directory)))).to.equal('corrupt')
    writeFileSync(path, 'not json')
    expect(await kind(openWal(walOptions(directory)))).to.equal('corrupt')
    rmSync(path)
    expect(await kind(openWal(walOptions(directory)))).to.equal('corrupt')
    writeFileSync(path, text)
    expect(await kind(openWal(walOptions(directory)).then((wal) => wal.close()))).to.equal(
      'resolved',
    )
  })

  it('refuses limits that cannot work', async () => {
    const limits = { segmentBytes: 1024 * 1024, logBytesMax: 1024 * 1024 }
    expect(await kind(openWal(walOptions(temporaryDirectory(), limits)))).to.equal('invalid')
    expect(await kind(openWal(walOptions(temporaryDirectory(), { segmentBytes: 100 })))).to.equal(
      'invalid',
    )
  })

  it('returns an entry whose bytes are damaged as corrupt, and lets it be set aside', async () => {
    const [name, bytes] = segmentNames(directory)
      .map((name) => [name, readSegment(directory, name)] as const)
      .find(([, bytes]) => bytes.includes('two')) ?? ['', Buffer.alloc(0)]
    bytes.write('TWO', bytes.indexOf('two'))
    writeSegment(directory, name, bytes)
    await withWal(walOptions(directory), async (wal) => {
      expect(described(await readAll(wal, 'k'))).to.deep.equal(['2!', '3:three'])
      const [damage] = wal.stats().recovery.damaged
      expect(damage?.file).to.equal(name)
      expect(damage?.reason).to.equal('the bytes of entry 2 of k do not match their checksum')
      await wal.quarantine('k', 2n, 'its bytes are damaged')
      expect(described(await readAll(wal, 'k'))).to.deep.equal(['3:three'])
      const { file } = wal.stats().quarantined[0] ?? { file: '' }
      expect(readFileSync(file, 'latin1')).to.contain('TWO')
    })
  })

  it('finds an entry whose index record is missing or wrong in its segment', async () => {
    const log = await openLog(walOptions(directory), nodeFiles)
    const { segments, ledger, database } = log
    const wrong = { ordinal: 1, offset: 0, headBytes: 104, payloadBytes: 3 }
    const noted: bigint[] = []
    class BadIndex extends IndexStore {
      override put(_key: string, sequence: bigint): void {
        noted.push(sequence)
      }
      override locate() {
        return Promise.resolve(new Map([[2n, wrong]]))
      }
    }
    const index = new BadIndex(database, 10, () => {})
    const entries = await new Reader({ segments, ledger, index }).read('k', 0n, 100)
    expect(described(entries)).to.deep.equal(['2:two', '3:three'])
    expect(noted).to.deep.equal([2n, 3n])
    await database.close()
    await segments.close()
  })

  it('refuses a quarantine beyond its limit before anything is written', async () => {
    const limits = { quarantineEntriesMax: 1 }
    await withWal(walOptions(directory, limits), async (wal) => {
      await wal.quarantine('k', 2n, 'bad')
      expect(await kind(wal.quarantine('k', 3n, 'bad'))).to.equal('full')
      expect(described(await readAll(wal, 'k'))).to.deep.equal(['3:three'])
    })
  })

  it('can be inspected from outside, open or closed, without changing anything', async () => {
    const before = snapshot()
    const inspection = await inspectWal(directory)
    expect(inspection.keys[0]).to.deep.include({
      key: 'k',
      entries: 2,
      bytes: 8,
      trimmedThrough: 1n,
    })
    expect(inspection).to.deep.include({ nextSequence: 4n, damaged: [], tornTailBytes: 0 })
    expect(inspection.segments.map(({ liveEntries }) => liveEntries)).to.deep.equal([2, 0])
    expect(snapshot()).to.deep.equal(before)
    await withWal(walOptions(directory), async (wal) => {
      await wal.quarantine('k', 2n, 'bad')
      const { keys, quarantined, id } = await inspectWal(directory)
      expect(id).to.equal(wal.id)
      expect(keys[0]?.entries).to.equal(1)
      expect(quarantined.map(({ sequence }) => sequence)).to.deep.equal([2n])
    })
    expect(await kind(inspectWal(temporaryDirectory()))).to.equal('invalid')
  })
})
