import { expect } from 'chai'
import { decompressBody } from '../../../src/arrow/compression.ts'
import { readMessage } from '../../../src/arrow/message.ts'
import {
  ARROW_LIMITS,
  arrowFixture,
  arrowFixtures,
  verifyStream,
} from '../../support/arrow-fixtures.ts'

describe('streams that pyarrow writes', () => {
  for (const { name, rows, messages } of arrowFixtures()) {
    it(`accepts ${name}`, () => {
      expect(verifyStream(messages).map((batch) => batch.rows)).to.deep.equal(rows)
    })

    it(`accepts ${name} at an odd address`, () => {
      const moved = messages.map(({ metadata, body }) => {
        const shifted = new Uint8Array(body.length + 3).subarray(3)
        shifted.set(body)
        return { metadata, body: shifted }
      })
      expect(verifyStream(moved).map((batch) => batch.rows)).to.deep.equal(rows)
    })

    it(`accepts ${name} after it is decompressed`, () => {
      const plain = messages.map((message) => decompressBody(message, ARROW_LIMITS.batchBytesMax))
      for (const { metadata } of plain.slice(1)) {
        const header = readMessage(metadata)
        expect(header.kind !== 'schema' && header.batch.codec).to.equal(undefined)
      }
      expect(verifyStream(plain).map((batch) => batch.rows)).to.deep.equal(rows)
    })
  }

  it('counts nulls of every column', () => {
    const [batch] = verifyStream(arrowFixture('primitives').messages)
    const counts = [1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3]
    expect(batch?.nullCounts).to.deep.equal(counts)
    expect([0, 2, 3, 17].map((field) => batch?.firstNullRow(field))).to.deep.equal([
      1,
      2,
      undefined,
      0,
    ])
  })

  it('does not count what a null parent hides', () => {
    const [batch] = verifyStream(arrowFixture('nested').messages)
    // row; name; tags; entries; key; value; item; point; item; lists; item; item
    expect(batch?.nullCounts).to.deep.equal([1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1])
    expect(batch?.firstNullRow(1)).to.equal(2)
    expect(batch?.firstNullRow(6)).to.equal(0)
    expect(batch?.firstNullRow(8)).to.equal(3)
    expect(batch?.firstNullRow(11)).to.equal(3)
  })

  it('counts a null value of a dictionary as a null', () => {
    const batches = verifyStream(arrowFixture('dictionary replaced').messages)
    expect(batches.map((batch) => batch.nullCounts[0])).to.deep.equal([1, 1, 0])
    expect(batches.map((batch) => batch.firstNullRow(0))).to.deep.equal([2, 1, undefined])
  })
})
