import { expect } from 'chai'
import type { BatchAck } from '../../../src/ingest/ingest.ts'
import { Acks } from '../../../src/server/flight/acks.ts'
import { ackOf } from '../../support/flight-client.ts'

describe('acks', () => {
  let written: Record<string, unknown>[]
  let flushes: (() => void)[]
  let acks: Acks

  beforeEach(() => {
    written = []
    flushes = []
    acks = new Acks(({ app_metadata }, flushed) => {
      written.push(ackOf(Buffer.from(app_metadata)))
      flushes.push(flushed)
    })
  })

  it('make one result of batches that become durable together', async () => {
    for (let i = 1n; i <= 3n; i += 1n) acks.add(ack(i))
    await turn()
    expect(written).to.deep.equal([{ log_id: 'LOG', sequence: 3, batches: 3, rows: 30 }])
  })

  it('leave out what a slow client would have to read, and give it the newest', async () => {
    acks.add(ack(1n))
    await turn()
    acks.add(ack(2n))
    await turn()
    acks.add(ack(3n))
    await turn()
    expect(written.map((one) => one['batches'])).to.deep.equal([1])
    flushes[0]?.()
    expect(written.map((one) => one['batches'])).to.deep.equal([1, 3])
  })

  it('write the final one even while another is on its way, and nothing after it', async () => {
    acks.add(ack(1n))
    await turn()
    acks.add(ack(2n))
    acks.finish(5n)
    flushes[0]?.()
    await turn()
    expect(written).to.deep.equal([
      { log_id: 'LOG', sequence: 1, batches: 1, rows: 10 },
      { log_id: 'LOG', sequence: 2, batches: 2, rows: 20, snapshot_id: 5 },
    ])
  })

  it('say before an error only what the client has not been told', async () => {
    acks.add(ack(1n))
    await turn()
    acks.finishIfDue()
    expect(written).to.have.length(1)
  })
})

function ack(sequence: bigint): BatchAck {
  return { logId: 'LOG', key: 'k', sequence, rows: 10, isDuplicate: false }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
