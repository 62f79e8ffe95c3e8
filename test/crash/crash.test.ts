/** A short crash run; `npm run test:crash` is the long one. */
import { expect } from 'chai'
import { crashCampaign } from './crash.ts'

const CYCLES = 2
const SEED = 7

describe('crash', () => {
  it(`loses and doubles nothing when killed ${CYCLES} times under load (seed ${SEED})`, async function () {
    this.timeout(60_000)
    const { rows, lost, duplicated } = await crashCampaign(CYCLES, SEED)
    expect(rows).to.be.greaterThan(0)
    expect({ lost, duplicated }).to.deep.equal({ lost: 0, duplicated: 0 })
  })
})
