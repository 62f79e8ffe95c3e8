import { expect } from 'chai'
import * as fc from 'fast-check'
import type { Snapshot, TableMetadata } from '../../../src/iceberg/types.ts'
import {
  formatRange,
  formatWatermark,
  judgeWatermark,
  parseRange,
  parseWatermark,
  RANGE_SUMMARY_KEY,
  snapshotFinder,
  watermarkKey,
} from '../../../src/processor/watermark.ts'

const LOG = { id: 'LOG', epoch: 5n, nonce: 'ours', firstSequence: 100n, earlier: [] }
const KEY = watermarkKey('LOG')
const RANGE = { from: 101n, through: 110n }

function snapshot(id: bigint, parent: bigint | undefined, summary: Record<string, string>) {
  return {
    'snapshot-id': id,
    ...(parent === undefined ? {} : { 'parent-snapshot-id': parent }),
    'sequence-number': id,
    'timestamp-ms': 0,
    'manifest-list': `list-${id}`,
    summary: { operation: 'append', ...summary },
  } satisfies Snapshot
}

/** Only what a watermark is read from. */
function metadata(
  properties: Record<string, string>,
  snapshots: readonly Snapshot[] = [],
): TableMetadata {
  return {
    properties,
    snapshots,
    'current-snapshot-id': snapshots.at(-1)?.['snapshot-id'],
  } as unknown as TableMetadata
}

function judge(value: string | undefined, trimmedThrough = 0n, snapshots: Snapshot[] = []) {
  const properties = value === undefined ? {} : { [KEY]: value }
  return judgeWatermark(metadata(properties, snapshots), LOG, { range: RANGE, trimmedThrough })
}

describe('watermark', () => {
  it('reads what it wrote', () => {
    const sequence = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })
    const nonce = fc.stringMatching(/^[0-9a-zA-Z_-]{1,64}$/)
    fc.assert(
      fc.property(sequence, nonce, sequence, (epoch, nonce, sequence) => {
        const watermark = { epoch, nonce, sequence }
        expect(parseWatermark(formatWatermark(watermark))).to.deep.equal(watermark)
        const range = { from: epoch, through: sequence }
        expect(parseRange(formatRange(range))).to.deep.equal(range)
      }),
    )
  })

  it('keeps its format', () => {
    expect(KEY).to.equal('frazil.wal.LOG')
    expect(formatWatermark({ epoch: 12n, nonce: 'ab', sequence: 345n })).to.equal('12:ab:345')
    expect(formatRange({ from: 1n, through: 9n })).to.equal('1-9')
  })

  for (const text of ['', '12', '12:ab', '12:ab:', ':ab:1', '-1:ab:1', '1:ab:1.5', '1:a:b:1']) {
    it(`does not read ${JSON.stringify(text)}`, () => {
      expect(parseWatermark(text)).to.equal(undefined)
      expect(judge(text).kind).to.equal('lost')
    })
  }
})

describe('verdict on a watermark', () => {
  it('lets the first commit of a log proceed when nothing of it was trimmed', () => {
    expect(judge(undefined)).to.deep.equal({ kind: 'proceed' })
  })

  it('never takes a vanished watermark as zero once something was trimmed', () => {
    expect(judge(undefined, 50n).kind).to.equal('lost')
  })

  it('never takes a vanished watermark as zero while a snapshot tells of one', () => {
    const history = [snapshot(1n, undefined, { [KEY]: '4:x:90' }), snapshot(2n, 1n, {})]
    expect(judge(undefined, 0n, history).kind).to.equal('lost')
  })

  it('stops when the property says less than the snapshots do', () => {
    const history = [snapshot(1n, undefined, { [KEY]: '4:x:90' })]
    expect(judge('4:x:80', 0n, history).kind).to.equal('lost')
    expect(judge('4:x:90', 0n, history).kind).to.equal('proceed')
  })

  it('accepts a property above the snapshots: the branch was set back by a person', () => {
    const history = [snapshot(1n, undefined, { [KEY]: '4:x:50' })]
    expect(judge('4:x:90', 90n, history).kind).to.equal('proceed')
  })

  it('proceeds right above the watermark', () => {
    expect(judge('5:ours:100').kind).to.equal('proceed')
  })

  it('recognises its range when all of it, or more, is in the table', () => {
    expect(judge('5:ours:110')).to.deep.equal({ kind: 'already-committed', through: 110n })
    expect(judge('5:ours:120')).to.deep.equal({ kind: 'already-committed', through: 120n })
  })

  it('recognises the part of its range that is in the table', () => {
    expect(judge('5:ours:101')).to.deep.equal({ kind: 'partly-committed', through: 101n })
    expect(judge('5:ours:109')).to.deep.equal({ kind: 'partly-committed', through: 109n })
  })

  it('goes on from an earlier opening of the same log', () => {
    expect(judge('4:theirs:99').kind).to.equal('proceed')
  })

  it('stops as a zombie when a later opening has committed', () => {
    expect(judge('6:theirs:50').kind).to.equal('fenced')
    expect(judge('6:theirs:999').kind).to.equal('fenced')
  })

  it('stops as a clone when an opening of equal epoch has committed', () => {
    expect(judge('5:theirs:100').kind).to.equal('fenced')
  })

  it('stops as a restored log when an earlier epoch knows sequences that it never had', () => {
    expect(judge('4:theirs:100').kind).to.equal('fenced')
    expect(judge('4:theirs:109').kind).to.equal('fenced')
  })

  it('stops when the table holds less than was trimmed on its word', () => {
    expect(judge('5:ours:79', 80n).kind).to.equal('lost')
    expect(judge('5:ours:80', 80n).kind).to.equal('proceed')
  })

  it('is not led in circles by a broken history', () => {
    const circle = [snapshot(1n, 2n, {}), snapshot(2n, 1n, {})]
    expect(judge(undefined, 0n, circle).kind).to.equal('proceed')
  })

  it('looks at its own log only', () => {
    const table = metadata({ [watermarkKey('OTHER')]: '9:other:999' })
    const verdict = judgeWatermark(table, LOG, { range: RANGE, trimmedThrough: 0n })
    expect(verdict.kind).to.equal('proceed')
  })
})

describe('finding the snapshot of a sequence', () => {
  const commit = (id: bigint, range: string) =>
    snapshot(id, id - 1n, { [KEY]: `5:ours:${range.split('-')[1]}`, [RANGE_SUMMARY_KEY]: range })

  it('names the snapshot that added it', () => {
    const find = snapshotFinder(metadata({}, [commit(1n, '1-5'), commit(2n, '7-9')]), 'LOG')
    expect(find(5n)).to.equal(1n)
    expect(find(7n)).to.equal(2n)
  })

  it('names the current one when that has expired or was replaced', () => {
    const find = snapshotFinder(metadata({}, [commit(2n, '7-9'), snapshot(3n, 2n, {})]), 'LOG')
    expect(find(5n)).to.equal(3n)
  })

  it('does not take the range of another log for ours', () => {
    const foreign = snapshot(1n, undefined, { [RANGE_SUMMARY_KEY]: '1-9' })
    const find = snapshotFinder(metadata({}, [foreign, commit(2n, '3-9')]), 'LOG')
    expect(find(4n)).to.equal(2n)
  })

  it('names none for a table without snapshots', () => {
    expect(snapshotFinder(metadata({}), 'LOG')(1n)).to.equal(undefined)
  })
})
