/**
 * Every acknowledged entry is in its table exactly once, whatever gets lost, lands late, crashes or
 * does not know that it is dead. And the controls: break one rule, and the simulation must notice.
 */
import { expect } from 'chai'
import { rebases, trimsWhatItSends, trustsTheAnswer } from '../support/processor-controls.ts'
import { type SimulationResult, simulate } from '../support/processor-simulation.ts'

const SEEDS = Number(process.env['FRAZIL_SEEDS'] ?? 100)
/** A control must have gone wrong in so many seeds, within so many. */
const CONTROL_WRONG = 2
const CONTROL_SEEDS_MAX = 100

/** Each must have happened, or the simulation proves nothing about it. */
const BRANCHES = [
  'answered committed',
  'answered conflict',
  'answered unknown',
  'answered rejected',
  'commit before',
  'commit after',
  'commit late',
  'commit throws',
  'conflict with itself',
  'crash',
  'damage',
  'expire',
  'foreign commit',
  'found in part',
  'found whole',
  'load failed',
  'quarantined',
  'rewritten',
  'schema change',
  'stopped fenced',
  'zombie',
]

function isWrong({ lost, duplicated, wronglySetAside, isStuck }: SimulationResult): boolean {
  return isStuck || lost.length + duplicated.length + wronglySetAside.length > 0
}

describe('exactly once, simulated', function () {
  // With FRAZIL_SEEDS it is as long as one likes.
  this.timeout(0)

  it(`holds for ${SEEDS} seeds, and every kind of fault happened`, async () => {
    const hits: Record<string, number> = {}
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { trace: _trace, hits: hit, ...result } = await simulate(seed)
      for (const [what, count] of Object.entries(hit)) hits[what] = (hits[what] ?? 0) + count
      const nothing = { lost: [], duplicated: [], wronglySetAside: [], invalid: [], isStuck: false }
      expect(result, `seed ${seed}`).to.deep.equal(nothing)
    }
    const missed = BRANCHES.filter((branch) => hits[branch] === undefined)
    expect(missed, `never happened; what did: ${JSON.stringify(hits)}`).to.deep.equal([])
  })

  it('replays a seed exactly', async () => {
    for (const seed of [3, 14]) {
      expect((await simulate(seed)).trace).to.equal((await simulate(seed)).trace)
    }
  })

  const controls = { trustsTheAnswer, rebases, trimsWhatItSends }
  for (const [name, control] of Object.entries(controls)) {
    it(`notices a processor that ${name}`, async () => {
      let wrong = 0
      for (let seed = 1; seed <= CONTROL_SEEDS_MAX && wrong < CONTROL_WRONG; seed += 1) {
        if (isWrong(await simulate(seed, control()))) wrong += 1
      }
      expect(wrong).to.equal(CONTROL_WRONG)
    })
  }
})
