import { expect } from 'chai'
import type { WalLimits } from '#wal'
import { openWalOn } from '../../../wal/wal.ts'
import { createFaultyFiles, systemError } from '../../support/wal-faulty-files.ts'
import {
  bytesEntry,
  described,
  kind,
  readAll,
  removeTemporaryDirectories,
  temporaryDirectory,
  textEntry,
  walOptions,
  withWal,
} from '../../support/wal-log.ts'

describe('group commit', () => {
  after(removeTemporaryDirectories)

  async function openFaulty(limits: Partial<WalLimits> = {}) {
    const directory = temporaryDirectory()
    const faulty = createFaultyFiles()
    const poisons: Error[] = []
    const options = {
      ...walOptions(directory, limits),
      onPoison: (error: Error) => poisons.push(error),
    }
    const wal = await openWalOn(options, faulty.files)
    faulty.calls.length = 0
    return { wal, faulty, poisons, options }
  }

  function syncs(calls: readonly string[]): number {
    return calls.filter((call) => call.startsWith('sync')).length
  }

  it('writes what arrives together with one write and one sync', async () => {
    const { wal, faulty } = await openFaulty()
    await Promise.all(Array.from({ length: 50 }, (_, i) => wal.append(textEntry(`k${i % 5}`, 'x'))))
    expect(syncs(faulty.calls)).to.equal(1)
    await wal.close()
  })

  it('writes what arrives during a sync with the next one', async () => {
    const { wal, faulty } = await openFaulty()
    const later: Promise<unknown>[] = []
    faulty.before = (call) => {
      if (call !== 'sync' || later.length > 0) return
      for (let i = 0; i < 10; i++) later.push(wal.append(textEntry('k', 'later')))
    }
    await wal.append(textEntry('k', 'first'))
    await Promise.all(later)
    expect(syncs(faulty.calls)).to.equal(2)
    await wal.close()
  })

  it('bounds a group by entries and by bytes', async () => {
    const { wal, faulty } = await openFaulty({ groupEntriesMax: 10 })
    await Promise.all(Array.from({ length: 25 }, () => wal.append(textEntry('k', 'x'))))
    expect(syncs(faulty.calls)).to.equal(3)
    await wal.close()
    const small = await openFaulty({ groupBytesMax: 2_000 })
    await Promise.all(Array.from({ length: 6 }, () => small.wal.append(bytesEntry('k', 700))))
    expect(syncs(small.faulty.calls)).to.equal(3)
    await small.wal.close()
  })

  it('acknowledges nothing before the sync has returned', async () => {
    const { wal, faulty } = await openFaulty()
    const { promise: release, resolve } = Promise.withResolvers<void>()
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
    faulty.before = async (call) => {
      if (call !== 'sync') return
      reach()
      await release
    }
    let isAcknowledged = false
    const append = wal.append(textEntry('k', 'x')).then(() => (isAcknowledged = true))
    await reached
    expect(isAcknowledged).to.equal(false)
    expect(await wal.read('k', 0n, 10)).to.deep.equal([])
    resolve()
    await append
    expect(described(await wal.read('k', 0n, 10))).to.deep.equal(['1:x'])
    await wal.close()
  })

  it('recognises a retry of an append that is still on its way', async () => {
    const { wal, faulty } = await openFaulty()
    const send = () => wal.append({ ...textEntry('k', 'x'), producer: { id: 'p', sequence: 0n } })
    let retry: Promise<unknown> | undefined
    faulty.before = (call) => {
      if (call === 'sync') retry ??= send()
    }
    expect(await send()).to.deep.equal({ sequence: 1n, isDuplicate: false })
    expect(await retry).to.deep.equal({ sequence: 1n, isDuplicate: true })
    await wal.close()
  })

  it('refuses as full beyond the bytes that may wait, and accepts again afterwards', async () => {
    const { wal, faulty } = await openFaulty({ waitingBytesMax: 3_000 })
    const { promise: release, resolve } = Promise.withResolvers<void>()
    faulty.before = (call) => (call === 'sync' ? release : undefined)
    const accepted = [1, 2].map(() => wal.append(bytesEntry('k', 1_000)))
    expect(await kind(wal.append(bytesEntry('k', 1_000)))).to.equal('full')
    resolve()
    await Promise.all(accepted)
    expect(await kind(wal.append(bytesEntry('k', 1_000)))).to.equal('resolved')
    await wal.close()
  })

  for (const call of ['write', 'sync'] as const) {
    it(`is poisoned by a failed ${call}: nothing is acknowledged any more`, async () => {
      const { wal, faulty, poisons, options } = await openFaulty()
      await wal.append(textEntry('k', 'safe'))
      let waiting: Promise<string> | undefined
      faulty.before = (made) => {
        if (made !== call) return
        waiting ??= kind(wal.append(textEntry('k', 'waiting')))
        throw systemError('EIO')
      }
      expect(await kind(wal.append(textEntry('k', 'lost')))).to.equal('io')
      expect(await waiting).to.equal('io')
      faulty.before = () => {}
      expect(await kind(wal.append(textEntry('k', 'late')))).to.equal('io')
      expect(await kind(wal.trim('k', 1n))).to.equal('io')
      expect(poisons.map(({ message }) => message)).to.deep.equal(['EIO: injected'])
      expect(described(await wal.read('k', 0n, 10))).to.deep.equal(['1:safe'])
      await wal.close()
      await withWal(options, async (wal) => {
        expect(described(await readAll(wal, 'k'))[0]).to.equal('1:safe')
        expect(await kind(wal.append(textEntry('k', 'again')))).to.equal('resolved')
      })
    })
  }

  it('forgets the producer that was unused longest, beyond producersMax', async () => {
    const { wal } = await openFaulty({ producersMax: 2 })
    const send = (id: string, sequence: bigint) =>
      kind(wal.append({ ...textEntry('k', 'x'), producer: { id, sequence } }))
    for (const id of ['a', 'b']) expect(await send(id, 0n)).to.equal('resolved')
    expect(await send('a', 1n)).to.equal('resolved')
    expect(await send('c', 0n)).to.equal('resolved')
    expect(await send('a', 2n)).to.equal('resolved')
    expect(await send('b', 1n)).to.equal('out-of-sequence')
    expect(wal.stats().producers).to.equal(2)
    await wal.close()
  })

  it('answers an old retry with the first sequence as long as that is known', async () => {
    const { wal } = await openFaulty()
    const send = (sequence: bigint) =>
      wal.append({ ...textEntry('k', 'x'), producer: { id: 'p', sequence } })
    for (let i = 0n; i < 20n; i++) await send(i)
    expect(await send(19n)).to.deep.equal({ sequence: 20n, isDuplicate: true })
    expect(await send(4n)).to.deep.equal({ sequence: 5n, isDuplicate: true })
    expect(await send(3n)).to.deep.equal({ sequence: 0n, isDuplicate: true })
    await wal.close()
  })
})
