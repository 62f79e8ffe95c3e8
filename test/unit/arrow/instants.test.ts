import {
  Field,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  TimestampMicrosecond,
  TimestampMillisecond,
} from 'apache-arrow'
import { expect } from 'chai'
import { timestampOverflow } from '../../../src/arrow/kernels/cast-temporal.ts'
import { openVerifier } from '../../../src/arrow/verifier.ts'
import { verifySchema } from '../../../src/arrow/verify-schema.ts'
import { ServiceError } from '../../../src/errors.ts'
import { ARROW_LIMITS } from '../../support/arrow-fixtures.ts'
import { messagesOfBatches } from '../../support/arrow-ipc.ts'

const INT64_MAX = 2n ** 63n - 1n

/** Whether the batch passes, and whether the cast of it would. */
function passes(value: bigint, unit: 'ms' | 'us', stored: 'us' | 'ns') {
  const type = unit === 'ms' ? new TimestampMillisecond() : new TimestampMicrosecond()
  const values = BigInt64Array.of(value)
  const child = makeData({ type, length: 1, data: values })
  const schema = new Schema([new Field('t', type, true)])
  const data = makeData({ type: new Struct(schema.fields), length: 1, children: [child] })
  const [first, second] = messagesOfBatches([new RecordBatch(schema, data)])
  const arrow = verifySchema(first!.metadata, ARROW_LIMITS)
  const nanoseconds = stored === 'ns' ? [0] : []
  const verifier = openVerifier({ schema: arrow, limits: ARROW_LIMITS, nanoseconds })
  const bytes = new Uint8Array(values.buffer)
  const column = { kind: 'fixed', length: 1, nullCount: 0, validity: undefined, width: 8 } as const
  const fits = timestampOverflow({ ...column, values: bytes }, unit, stored) === undefined
  try {
    verifier.batch(second!)
    return { isTaken: true, fits }
  } catch (thrown) {
    expect(thrown).to.be.instanceOf(ServiceError)
    return { isTaken: false, fits }
  }
}

describe('instants that are stored in a finer unit', () => {
  for (const [unit, stored] of [
    ['ms', 'us'],
    ['us', 'ns'],
  ] as const) {
    const limit = INT64_MAX / 1_000n
    for (let beside = -4n; beside <= 4n; beside += 1n) {
      it(`${unit} to ${stored}: none is taken that would not fit, ${beside} from the limit`, () => {
        for (const value of [limit + beside, -limit + beside]) {
          const { isTaken, fits } = passes(value, unit, stored)
          if (!fits) expect(isTaken).to.equal(false)
        }
      })
    }

    it(`${unit} to ${stored}: those that fit are taken`, () => {
      for (const value of [0n, limit - 4n, -limit + 4n]) {
        expect(passes(value, unit, stored).isTaken).to.equal(true)
      }
    })
  }

  it('has no limit where nothing is made finer', () => {
    expect(passes(INT64_MAX, 'us', 'us').isTaken).to.equal(true)
  })
})
