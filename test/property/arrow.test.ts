import { RecordBatchReader, type Table, type Vector } from 'apache-arrow'
import { expect } from 'chai'
import * as fc from 'fast-check'
import type { ArrowMessage } from '../../src/arrow/message.ts'
import { ServiceError } from '../../src/errors.ts'
import { arrowTable } from '../support/arrow-arbitraries.ts'
import { arrowFixture, verifyStream } from '../support/arrow-fixtures.ts'
import { joinStream, messagesOf } from '../support/arrow-ipc.ts'

/** Reads every value of every batch; text must come out without replacement characters. */
function readAll(messages: readonly ArrowMessage[]): number {
  let values = 0
  for (const batch of RecordBatchReader.from(joinStream(messages))) {
    for (let c = 0; c < batch.numCols; c++) {
      const column = batch.getChildAt(c) as Vector
      expect(column.length).to.equal(batch.numRows)
      for (let row = 0; row < column.length; row++) {
        readValue(column, row)
        values++
      }
    }
  }
  return values
}

function readValue(column: Vector, row: number): void {
  try {
    JSON.stringify(column.get(row), (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    )
  } catch (thrown) {
    // The library's own limit: it reads any 64-bit instant as a double, or not at all.
    if (!(thrown instanceof Error) || !/not safe to convert|Invalid time/.test(thrown.message)) {
      throw thrown
    }
  }
}

function isAccepted(messages: readonly ArrowMessage[]): boolean {
  try {
    verifyStream(messages)
    return true
  } catch (thrown) {
    if (thrown instanceof ServiceError && thrown.kind !== 'internal') return false
    throw thrown
  }
}

describe('the verifier', () => {
  it('accepts whatever apache-arrow writes', () => {
    fc.assert(
      fc.property(arrowTable, (table: Table) => {
        const batches = verifyStream(messagesOf(table))
        expect(batches.reduce((sum, { rows }) => sum + rows, 0)).to.equal(table.numRows)
        const [batch] = batches
        if (!batch) return
        // Null counts of the first top-level column agree with the library's.
        expect(batch.nullCounts[0]).to.equal(table.getChildAt(0)?.nullCount)
      }),
      { numRuns: 200 },
    )
  })

  it('lets pass only what apache-arrow can read, whichever bytes are changed', () => {
    let accepted = 0
    const change = fc.record({
      message: fc.nat(),
      isBody: fc.boolean(),
      at: fc.nat(),
      value: fc.integer({ min: 0, max: 255 }),
    })
    fc.assert(
      fc.property(
        arrowTable,
        fc.array(change, { minLength: 1, maxLength: 3 }),
        (table: Table, changes) => {
          const messages = messagesOf(table).map(({ metadata, body }) => ({
            metadata: metadata.slice(),
            body: body.slice(),
          }))
          for (const { message, isBody, at, value } of changes) {
            const target = messages[message % messages.length] as ArrowMessage
            const bytes = isBody ? target.body : target.metadata
            if (bytes.length > 0) bytes[at % bytes.length] = value
          }
          if (!isAccepted(messages)) return
          accepted++
          readAll(messages)
        },
      ),
      { numRuns: 500 },
    )
    expect(accepted).to.be.greaterThan(20)
  })

  it('lets pass only what apache-arrow can read of what pyarrow wrote', () => {
    const names = ['primitives', 'nested', 'dictionary replaced', 'large offsets', 'views']
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 2 }),
        (name, changes) => {
          const messages = arrowFixture(name).messages.map(({ metadata, body }) => ({
            metadata: metadata.slice(),
            body: body.slice(),
          }))
          for (const [message, at, value] of changes) {
            const target = messages[message % messages.length] as ArrowMessage
            const all = target.metadata.length + target.body.length
            const place = at % all
            if (place < target.metadata.length) target.metadata[place] = value
            else target.body[place - target.metadata.length] = value
          }
          if (isAccepted(messages)) readAll(messages)
        },
      ),
      { numRuns: 500 },
    )
  })
})
