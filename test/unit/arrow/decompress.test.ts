import { RecordBatchReader } from 'apache-arrow'
import { expect } from 'chai'
import { decompressBody } from '../../../src/arrow/compression.ts'
import { ARROW_LIMITS, arrowFixture } from '../../support/arrow-fixtures.ts'
import { expectRefusal, joinStream } from '../../support/arrow-ipc.ts'

function read(name: string): unknown[] {
  const { messages } = arrowFixture(name)
  const plain = messages.map((message) => decompressBody(message, ARROW_LIMITS.batchBytesMax))
  return [...RecordBatchReader.from(joinStream(plain))].flatMap((batch) =>
    batch.toArray().map((row: { toJSON(): unknown } | null) => row?.toJSON()),
  )
}

describe('a decompressed body', () => {
  for (const codec of ['lz4', 'zstd']) {
    it(`is read by a library that knows no ${codec}`, () => {
      const rows = read(codec)
      expect(rows).to.have.length(201)
      expect(rows[5]).to.deep.equal({ text: 'the same again and again', number: 5n, few: 7 })
      expect(rows[200]).to.deep.equal({ text: null, number: 200n, few: 7 })
    })
  }

  it('keeps dictionaries and deltas', () => {
    const words = (read('zstd dictionary') as { word: string | null }[]).map(({ word }) => word)
    expect(words).to.deep.equal(['a', 'b', null, 'c', null, 'a'])
  })

  it('keeps views', () => {
    const [first, , third] = read('lz4 views') as { text: string }[]
    expect(first?.text).to.equal('short')
    expect(third?.text).to.equal('a value longer than twelve bytes: 雪')
  })

  it('is the same message when nothing is compressed', () => {
    for (const message of arrowFixture('primitives').messages) {
      expect(decompressBody(message, 1)).to.equal(message)
    }
  })

  it('is refused beyond the limit', () => {
    const message = arrowFixture('lz4').messages[1]
    expectRefusal(() => message && decompressBody(message, 100), /at most 100/, 'too-large')
  })
})
