import { expect } from 'chai'
import { paceAfter, retryDelayMs } from '../../../src/processor/retry-pace.ts'

const SETTINGS = { retryBaseMs: 100, retryCapMs: 30_000 }
const ALMOST_ONE = 1 - 2 ** -53

describe('retry pace', () => {
  it('is never longer than the cap', () => {
    for (const pace of ['soon', 'outage', 'rejected'] as const) {
      for (const attempt of [0, 5, 50, 5_000]) {
        expect(retryDelayMs(pace, SETTINGS, attempt, ALMOST_ONE)).to.be.at.most(30_000)
      }
    }
  })

  it('doubles the ceiling of an outage with each failure', () => {
    const ceilings = [0, 1, 2].map((n) => retryDelayMs('outage', SETTINGS, n, 0.5))
    expect(ceilings).to.deep.equal([50, 100, 200])
  })

  it('stays short when another writer was faster', () => {
    expect(retryDelayMs('soon', SETTINGS, 20, ALMOST_ONE)).to.be.at.most(1_000)
  })

  it('is long from the first time when the catalog refuses', () => {
    expect(retryDelayMs('rejected', SETTINGS, 0, 0)).to.equal(15_000)
  })

  it('does not hurry what will not pass by itself', () => {
    expect(paceAfter('unsupported')).to.equal('rejected')
    expect(paceAfter('unavailable')).to.equal('outage')
    expect(paceAfter('internal')).to.equal('outage')
  })
})
