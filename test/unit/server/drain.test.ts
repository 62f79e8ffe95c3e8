import { expect } from 'chai'
import type { Clock } from '../../../src/runtime/clock.ts'
import { type Drainable, drainStreams } from '../../../src/server/flight/drain.ts'

describe('drain', () => {
  it('ends quiet streams at once and lets busy ones finish until the deadline', async () => {
    const quiet = stream('quiet')
    const busy = stream('busy')
    const settling = stream('settling')
    const clock = steppingClock((at) => {
      busy.received += 1
      settling.isIdle = at > 700
    })
    await drainStreams({
      streams: new Set<Drainable>([quiet, busy, settling]),
      drainMs: 1_000,
      closed: new Promise(() => {}),
      clock,
    })
    expect(quiet.interruptedAt(clock)).to.equal(250)
    expect(settling.interruptedAt(clock)).to.equal(750)
    expect(busy.interruptedAt(clock)).to.equal(1_000)
    expect(clock.monotonic()).to.equal(2_000)
  })

  it('ends with the last connection', async () => {
    const clock = steppingClock(() => {})
    await drainStreams({ streams: new Set(), drainMs: 60_000, closed: Promise.resolve(), clock })
    expect(clock.monotonic()).to.be.below(60_000)
  })
})

interface FakeStream extends Drainable {
  received: number
  isIdle: boolean
  interruptedAt(clock: SteppingClock): number | undefined
}

interface SteppingClock extends Clock {
  readonly interruptions: Map<string, number>
}

let current: SteppingClock

function stream(name: string): FakeStream {
  return {
    received: 0,
    isIdle: name !== 'settling',
    interrupt() {
      if (!current.interruptions.has(name)) current.interruptions.set(name, current.monotonic())
    },
    interruptedAt: (clock) => clock.interruptions.get(name),
  }
}

function steppingClock(step: (at: number) => void): SteppingClock {
  let at = 0
  current = {
    interruptions: new Map(),
    now: () => at,
    monotonic: () => at,
    sleep: async (ms) => {
      at += ms
      step(at)
    },
  }
  return current
}
