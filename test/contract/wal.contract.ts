/**
 * What every implementation of the log must do, in the words of `wal/types.ts`. An implementation
 * passes `open`, which opens the same log again when it is given the same name.
 */
import { expect } from 'chai'
import { type OpenWalOptions, type Wal, WalError, type WalLimits } from '#wal'
import { described, kind, textEntry } from '../support/wal-log.ts'

export type OpenForContract = (
  log: string,
  limits?: Partial<WalLimits>,
) => Promise<{ wal: Wal; options: OpenWalOptions }>

export function walContract(name: string, open: OpenForContract): void {
  describe(`the log contract: ${name}`, () => {
    let log: string
    let wal: Wal
    let serial = 0

    beforeEach(async () => {
      log = `contract-${serial++}`
      wal = (await open(log)).wal
    })
    afterEach(() => wal.close())

    async function reopen(limits?: Partial<WalLimits>): Promise<void> {
      await wal.close()
      wal = (await open(log, limits)).wal
    }

    it('numbers entries from 1 without a gap over all keys', async () => {
      const keys = ['a', 'b', 'a', 'c']
      const appended = await Promise.all(keys.map((key) => wal.append(textEntry(key, key))))
      expect(appended.map(({ sequence }) => sequence)).to.deep.equal([1n, 2n, 3n, 4n])
    })

    it('forgets an idle key for a new one at keysMax, and never one whose entries wait', async () => {
      await reopen({ keysMax: 2 })
      for (const key of ['a', 'b']) await wal.append(textEntry(key, key))
      expect(await kind(wal.append(textEntry('c', 'c')))).to.equal('full')
      await wal.append(textEntry('a', 'again'))
      await wal.trim('b', 2n)
      await wal.append(textEntry('c', 'c'))
      expect(wal.keys().map(({ key }) => key)).to.deep.equal(['a', 'c'])
      await reopen({ keysMax: 2 })
      expect(wal.keys().map(({ key }) => key)).to.deep.equal(['a', 'c'])
      expect(described(await wal.read('b', 0n, 1_000))).to.deep.equal([])
    })

    it('keeps the trim positions of keys whose entries wait when keysMax is lowered', async () => {
      for (const key of ['a', 'b', 'c']) {
        const { sequence } = await wal.append(textEntry(key, key))
        await wal.trim(key, sequence)
        await wal.append(textEntry(key, key))
      }
      await reopen({ keysMax: 1 })
      const trims = wal.keys().map(({ trimmedThrough }) => trimmedThrough)
      expect(trims).to.deep.equal([1n, 3n, 5n])
    })

    it('reads a key in the order of its appends, and nothing of other keys', async () => {
      await wal.append(textEntry('a', 'one'))
      await wal.append(textEntry('ab', 'other'))
      await wal.append(textEntry('a', 'two'))
      expect(described(await wal.read('a', 0n, 100))).to.deep.equal(['1:one', '3:two'])
      expect(described(await wal.read('ab', 0n, 100))).to.deep.equal(['2:other'])
    })

    it('reads after a sequence, as much as fits, and at least one', async () => {
      for (const text of ['aaaa', 'bbbb', 'cccc']) await wal.append(textEntry('k', text))
      expect(described(await wal.read('k', 1n, 100))).to.deep.equal(['2:bbbb', '3:cccc'])
      expect(described(await wal.read('k', 0n, 8))).to.deep.equal(['1:aaaa', '2:bbbb'])
      expect(described(await wal.read('k', 0n, 0))).to.deep.equal(['1:aaaa'])
      expect(await wal.read('k', 3n, 100)).to.deep.equal([])
    })

    it('joins payload parts, and returns definitions in the order in which they were named', async () => {
      const id = (digit: string) => digit.repeat(32)
      const part = (text: string) => Buffer.from(text)
      const definitions = [
        { id: id('b'), parts: [part('sch'), part('ema')] },
        { id: id('a'), parts: [part('dictionary')] },
      ]
      await wal.append({ key: 'k', payload: [part('x'), part(''), part('yz')], definitions })
      await wal.append({ key: 'k', payload: [], definitions: definitions.slice(0, 1) })
      await reopen()
      const [first, second] = await wal.read('k', 0n, 100)
      if (first?.kind !== 'entry' || second?.kind !== 'entry') throw new Error('corrupt')
      expect(Buffer.from(first.payload).toString()).to.equal('xyz')
      const texts = first.definitions.map(
        ({ id, bytes }) => `${id[0]}=${Buffer.from(bytes).toString()}`,
      )
      expect(texts).to.deep.equal(['b=schema', 'a=dictionary'])
      expect(second.payload.length).to.equal(0)
      expect(second.definitions.map(({ id }) => id)).to.deep.equal([id('b')])
    })

    it('gives each payload an aligned ArrayBuffer that may be transferred', async () => {
      await wal.append(textEntry('k', 'one'))
      await wal.append(textEntry('k', 'two'))
      const entries = await wal.read('k', 0n, 100)
      const payloads = entries.flatMap((entry) => (entry.kind === 'entry' ? [entry.payload] : []))
      expect(new Set(payloads.map(({ buffer }) => buffer)).size).to.equal(2)
      for (const payload of payloads) {
        expect(payload.byteOffset % 8).to.equal(0)
        structuredClone(payload, { transfer: [payload.buffer as ArrayBuffer] })
      }
      expect(described(await wal.read('k', 0n, 100))).to.deep.equal(['1:one', '2:two'])
    })

    it('keeps entries, sequences and trims over a reopening, and grows the epoch', async () => {
      for (const text of ['one', 'two', 'three']) await wal.append(textEntry('k', text))
      await wal.trim('k', 1n)
      const { id, epoch, nonce } = wal
      await reopen()
      expect(described(await wal.read('k', 0n, 100))).to.deep.equal(['2:two', '3:three'])
      expect(wal.id).to.equal(id)
      expect(wal.epoch).to.equal(epoch + 1n)
      expect(wal.nonce).not.to.equal(nonce)
      expect((await wal.append(textEntry('k', 'four'))).sequence).to.equal(4n)
    })

    it('trims through a sequence, again without effect, and never what is not appended', async () => {
      for (const text of ['one', 'two']) await wal.append(textEntry('k', text))
      await wal.trim('k', 100n)
      await wal.trim('k', 1n)
      await wal.trim('unknown', 5n)
      await wal.append(textEntry('k', 'three'))
      expect(described(await wal.read('k', 0n, 100))).to.deep.equal(['3:three'])
      const [state] = wal.keys()
      expect(state).to.deep.include({ entries: 1, bytes: 5, firstSequence: 3n, trimmedThrough: 2n })
    })

    it('says of each key what is live', async () => {
      await wal.append(textEntry('k', 'one'))
      await wal.append(textEntry('k', 'two!'))
      await wal.append(textEntry('done', 'x'))
      await wal.trim('done', 3n)
      const states = new Map(wal.keys().map((state) => [state.key, state]))
      expect(states.get('k')).to.deep.include({
        entries: 2,
        bytes: 7,
        firstSequence: 1n,
        lastSequence: 2n,
        trimmedThrough: 0n,
      })
      expect(states.get('k')?.oldestAppendedAt).to.be.a('number')
      expect(states.get('done')).to.deep.include({ entries: 0, lastSequence: 3n })
      expect(states.get('done')?.firstSequence).to.equal(undefined)
      for (const [key, state] of states) expect(wal.keyState(key)).to.deep.equal(state)
      expect(wal.keyState('unknown')).to.equal(undefined)
      expect(wal.stats()).to.deep.include({ liveEntries: 2, nextSequence: 4n, durableThrough: 3n })
    })

    it('sets one entry aside, keeps the rest, and remembers it over a reopening', async () => {
      for (const text of ['one', 'two', 'three']) await wal.append(textEntry('k', text))
      await wal.quarantine('k', 2n, 'cannot be decoded')
      expect(described(await wal.read('k', 0n, 100))).to.deep.equal(['1:one', '3:three'])
      await reopen()
      expect(described(await wal.read('k', 0n, 100))).to.deep.equal(['1:one', '3:three'])
      const [entry] = wal.stats().quarantined
      expect(entry).to.deep.include({
        key: 'k',
        sequence: 2n,
        reason: 'cannot be decoded',
        bytes: 3,
      })
      expect(await kind(wal.quarantine('k', 2n, 'again'))).to.equal('invalid')
      expect(await kind(wal.quarantine('other', 1n, 'no'))).to.equal('invalid')
    })

    it('recognises what a producer sent before, over a reopening too', async () => {
      const send = (sequence: bigint) =>
        wal.append({ ...textEntry('k', `p${sequence}`), producer: { id: 'p', sequence } })
      expect(await send(0n)).to.deep.equal({ sequence: 1n, isDuplicate: false })
      const [first, again] = await Promise.all([send(1n), send(1n)])
      expect(first).to.deep.equal({ sequence: 2n, isDuplicate: false })
      expect(again).to.deep.equal({ sequence: 2n, isDuplicate: true })
      await reopen()
      expect(await send(0n)).to.deep.equal({ sequence: 1n, isDuplicate: true })
      expect(await send(2n)).to.deep.equal({ sequence: 3n, isDuplicate: false })
      expect(described(await wal.read('k', 0n, 100))).to.deep.equal(['1:p0', '2:p1', '3:p2'])
    })

    it("refuses a producer's gap with the expected number, per key", async () => {
      const send = (key: string, sequence: bigint) =>
        wal.append({ ...textEntry(key, 'x'), producer: { id: 'p', sequence } })
      await send('a', 0n)
      let expected: bigint | undefined
      try {
        await send('a', 2n)
      } catch (error) {
        expected = error instanceof WalError ? error.expected : undefined
      }
      expect(expected).to.equal(1n)
      expect(await kind(send('b', 1n))).to.equal('out-of-sequence')
      expect(await kind(send('b', 0n))).to.equal('resolved')
    })

    it('refuses what is too large and what is named wrongly before anything is written', async () => {
      await reopen({ entryBytesMax: 10 })
      expect(await kind(wal.append(textEntry('k', 'elf bytes!!')))).to.equal('too-large')
      expect(await kind(wal.append(textEntry('k'.repeat(1_025), 'x')))).to.equal('invalid')
      expect(await kind(wal.append(textEntry('\ud800', 'x')))).to.equal('invalid')
      const definitions = [{ id: 'short', parts: [] }]
      expect(await kind(wal.append({ ...textEntry('k', 'x'), definitions }))).to.equal('invalid')
      expect((await wal.append(textEntry('k', 'x'))).sequence).to.equal(1n)
    })

    it('finishes what was appended when it is closed, twice, and then refuses', async () => {
      const appends = ['one', 'two'].map((text) => wal.append(textEntry('k', text)))
      await Promise.all([wal.close(), wal.close()])
      expect((await Promise.all(appends)).map(({ sequence }) => sequence)).to.deep.equal([1n, 2n])
      expect(await kind(wal.append(textEntry('k', 'late')))).to.equal('closed')
      expect(await kind(wal.read('k', 0n, 1))).to.equal('closed')
      await reopen()
      expect(described(await wal.read('k', 0n, 100))).to.deep.equal(['1:one', '2:two'])
    })

    it('is open once at a time', async () => {
      expect(await kind(open(log))).to.equal('locked')
    })
  })
}
