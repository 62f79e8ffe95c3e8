import { expect } from 'chai'
import { ServiceError } from '../../../src/errors.ts'
import { WAITERS_MAX, Waiters } from '../../../src/processor/waiters.ts'
import { kindOf } from '../../support/catalog-fixtures.ts'

const FAILURE = new ServiceError('unavailable', 'outage')

describe('waiters', () => {
  it('hear of the snapshot once their sequence is done, and not before', async () => {
    const waiters = new Waiters()
    const early = waiters.wait(1n, true)
    const late = waiters.wait(9n, true)
    waiters.settle(
      (sequence) => sequence <= 5n,
      (sequence) => sequence * 10n,
    )
    expect(await early).to.equal(10n)
    expect(waiters.size).to.equal(1)
    waiters.settle(
      () => true,
      () => 99n,
    )
    expect(await late).to.equal(99n)
  })

  it('hear of a failed attempt only if they are not patient', async () => {
    const waiters = new Waiters()
    void waiters.wait(1n, true)
    const flush = waiters.wait(1n, false)
    waiters.failed(FAILURE)
    expect(await kindOf(flush)).to.equal('unavailable')
    expect(waiters.size).to.equal(1)
  })

  it('hear of an entry set aside only if it is theirs', async () => {
    const waiters = new Waiters()
    const theirs = waiters.wait(3n, true)
    void waiters.wait(4n, true)
    void waiters.wait(3n, false)
    waiters.quarantined(3n, FAILURE)
    expect(await kindOf(theirs)).to.equal('unavailable')
    expect(waiters.size).to.equal(2)
  })

  it('are refused beyond their number', async () => {
    const waiters = new Waiters()
    for (let i = 0; i < WAITERS_MAX; i += 1) void waiters.wait(1n, true)
    expect(await kindOf(waiters.wait(1n, true))).to.equal('overloaded')
    expect(waiters.size).to.equal(WAITERS_MAX)
  })
})
