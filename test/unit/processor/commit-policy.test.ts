import { expect } from 'chai'
import {
  commitDecision,
  type WaitingEntries,
  waitingMs,
} from '../../../src/processor/commit-policy.ts'

const SETTINGS = { bytes: 1_000, ageMs: 5_000 }
const NOW = { wallMs: 100_000, monotonicMs: 50_000 }

function waiting(changes: Partial<WaitingEntries> = {}): WaitingEntries {
  return {
    entries: 1,
    bytes: 10,
    firstSequence: 7n,
    oldestAppendedAt: NOW.wallMs,
    seenWaitingAt: NOW.monotonicMs,
    flushThrough: undefined,
    ...changes,
  }
}

describe('commit policy', () => {
  it('waits while entries are few and young', () => {
    expect(commitDecision(waiting(), NOW, SETTINGS)).to.equal('wait')
  })

  it('waits when there is nothing, whatever was asked for', () => {
    const nothing = waiting({ entries: 0, firstSequence: undefined, flushThrough: 99n })
    expect(commitDecision(nothing, NOW, SETTINGS)).to.equal('wait')
  })

  it('commits at the target size, not a byte before it', () => {
    expect(commitDecision(waiting({ bytes: 999 }), NOW, SETTINGS)).to.equal('wait')
    expect(commitDecision(waiting({ bytes: 1_000 }), NOW, SETTINGS)).to.equal('commit')
  })

  it('commits when the oldest entry reaches the age, not a millisecond before it', () => {
    const young = waiting({ oldestAppendedAt: NOW.wallMs - 4_999 })
    const old = waiting({ oldestAppendedAt: NOW.wallMs - 5_000 })
    expect(commitDecision(young, NOW, SETTINGS)).to.equal('wait')
    expect(commitDecision(old, NOW, SETTINGS)).to.equal('commit')
  })

  it('commits what was there when a flush was asked for, and not what came after it', () => {
    expect(commitDecision(waiting({ flushThrough: 7n }), NOW, SETTINGS)).to.equal('commit')
    expect(commitDecision(waiting({ flushThrough: 6n }), NOW, SETTINGS)).to.equal('wait')
  })

  it('is not held up by a clock that stepped back a day', () => {
    const stepped = waiting({
      oldestAppendedAt: NOW.wallMs + 86_400_000,
      seenWaitingAt: NOW.monotonicMs - 5_000,
    })
    expect(waitingMs(stepped, NOW)).to.equal(5_000)
    expect(commitDecision(stepped, NOW, SETTINGS)).to.equal('commit')
  })
})
