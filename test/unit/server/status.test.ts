import { status } from '@grpc/grpc-js'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { type ErrorKind, ServiceError } from '../../../src/errors.ts'
import { reasonOf, toGrpcError } from '../../../src/server/flight/status.ts'
import { errorDetails } from '../../support/flight-client.ts'

describe('flight status', () => {
  const table: readonly [ErrorKind, status, boolean][] = [
    ['invalid', status.INVALID_ARGUMENT, false],
    ['not-found', status.NOT_FOUND, false],
    ['already-exists', status.ALREADY_EXISTS, false],
    ['schema-mismatch', status.FAILED_PRECONDITION, false],
    ['out-of-sequence', status.FAILED_PRECONDITION, false],
    ['too-large', status.RESOURCE_EXHAUSTED, false],
    ['overloaded', status.UNAVAILABLE, true],
    ['unavailable', status.UNAVAILABLE, false],
    ['closed', status.UNAVAILABLE, false],
    ['unsupported', status.UNIMPLEMENTED, false],
    ['corrupt', status.DATA_LOSS, false],
    ['internal', status.INTERNAL, false],
  ]
  for (const [kind, code, isRetried] of table) {
    it(`of ${kind} is ${status[code]}${isRetried ? ' with RetryInfo' : ''}`, () => {
      const error = toGrpcError(new ServiceError(kind, 'because'))
      expect(error.code).to.equal(code)
      // All that a program gets from pyarrow, which drops the details.
      expect(error.details.endsWith(` [${kind}]`)).to.equal(true)
      const details = errorDetails(error)
      expect(details.code).to.equal(code)
      expect(details.info.reason).to.equal(reasonOf(kind))
      expect(details.retry !== undefined).to.equal(isRetried)
    })
  }

  it('carries the context for programs', () => {
    const context = { column: 'a', expected: 5n, isNull: true }
    const error = toGrpcError(new ServiceError('schema-mismatch', 'expected 5', { context }))
    expect(errorDetails(error).info.metadata).to.deep.equal({
      column: 'a',
      expected: '5',
      isNull: 'true',
    })
  })

  it('tells nothing of a defect, nor of any cause', () => {
    const cause = new Error('secret')
    const error = toGrpcError(
      new ServiceError('internal', 'secret', { cause, context: { secret: 1 } }),
    )
    expect(error.details).not.to.contain('secret')
    expect(errorDetails(error).info.metadata).to.deep.equal({})
    const other = toGrpcError(new ServiceError('unavailable', 'the disk', { cause }))
    expect(JSON.stringify(other)).not.to.contain('secret')
  })

  it('fits into the headers that clients allow, whatever the text', () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 20_000 })
    const context = fc.dictionary(fc.string({ maxLength: 300 }), fc.string({ maxLength: 300 }))
    fc.assert(
      fc.property(anyText, context, (text, values) => {
        const error = toGrpcError(new ServiceError('invalid', text, { context: values }))
        const bytes = error.metadata.get('grpc-status-details-bin')[0] as Buffer
        expect(encodeURI(error.details).length + bytes.length * 1.34).to.be.below(8_192)
      }),
    )
    const lone = toGrpcError(new ServiceError('invalid', '\ud800'.repeat(5_000)))
    expect(encodeURI(lone.details).length).to.be.below(2_000)
  })
})
