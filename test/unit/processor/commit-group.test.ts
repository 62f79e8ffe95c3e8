import { expect } from 'chai'
import type { WalEntry } from '#wal'
import { type Damage, formGroup, readGroup } from '../../../src/processor/commit-group.ts'
import { FakeLog } from '../../support/processor-log.ts'

const NO_LIMITS = { bytesMax: 1_000_000, rows: 1_000_000, entriesMax: 1_000 }
const KEY = 'default/default.t@uuid'

async function groupOf(rows: readonly number[]): Promise<WalEntry[]> {
  const wal = new FakeLog().open()
  for (const count of rows) wal.add(KEY, count)
  return wal.read(KEY, 0n, 1_000_000)
}

describe('commit group', () => {
  it('holds every entry in log order, with range, rows and bytes', async () => {
    const { group } = formGroup(await groupOf([3, 4, 5]), NO_LIMITS)
    expect(group?.entries.map(({ sequence }) => sequence)).to.deep.equal([1n, 2n, 3n])
    expect(group?.range).to.deep.equal({ from: 1n, through: 3n })
    expect(group?.rows).to.equal(12)
    expect(group?.bytes).to.equal(3 * 24)
  })

  it('is closed by the entry that reaches the rows', async () => {
    const { group } = formGroup(await groupOf([3, 4, 5]), { ...NO_LIMITS, rows: 7 })
    expect(group?.range.through).to.equal(2n)
  })

  it('takes no more entries than it may', async () => {
    const { group } = formGroup(await groupOf([1, 1, 1]), { ...NO_LIMITS, entriesMax: 1 })
    expect(group?.range).to.deep.equal({ from: 1n, through: 1n })
  })

  it('leaves out an entry that says nothing readable, and says why', async () => {
    const read = await groupOf([1, 1])
    const broken: WalEntry = {
      kind: 'entry',
      sequence: 9n,
      appendedAt: 0,
      payload: new Uint8Array(3),
      definitions: [],
    }
    const { group, damaged } = formGroup([...read, broken], NO_LIMITS)
    expect(group?.range.through).to.equal(2n)
    expect(damaged.map(({ sequence }) => sequence)).to.deep.equal([9n])
    expect(damaged[0]?.reason).to.match(/shorter than its header/)
  })

  it('sets damaged entries aside before it hands on the entries after them', async () => {
    const wal = new FakeLog().open()
    for (let i = 0; i < 4; i += 1) wal.add(KEY)
    wal.damage(KEY, 1n)
    wal.damage(KEY, 3n)
    const aside: Damage[] = []
    const from = { key: KEY, after: 0n }
    const group = await readGroup(wal, from, NO_LIMITS, (damage) => aside.push(damage))
    expect(group?.entries.map(({ sequence }) => sequence)).to.deep.equal([2n, 4n])
    expect(aside.map(({ sequence }) => sequence)).to.deep.equal([1n, 3n])
    expect(wal.stats().quarantined.map(({ sequence }) => sequence)).to.deep.equal([1n, 3n])
  })

  it('is none when every entry was damaged', async () => {
    const wal = new FakeLog().open()
    for (let i = 1n; i <= 3n; i += 1n) {
      wal.add(KEY)
      wal.damage(KEY, i)
    }
    const limits = { ...NO_LIMITS, bytesMax: 1 }
    expect(await readGroup(wal, { key: KEY, after: 0n }, limits, () => {})).to.equal(undefined)
    expect(wal.stats().quarantined).to.have.length(3)
  })
})
