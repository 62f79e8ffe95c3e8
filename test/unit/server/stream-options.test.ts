import { Metadata } from '@grpc/grpc-js'
import { expect } from 'chai'
import { ServiceError } from '../../../src/errors.ts'
import { readHeaders, readProducerNote } from '../../../src/server/flight/stream-options.ts'

describe('stream options', () => {
  it('are the defaults without headers', () => {
    expect(readHeaders(headers({}))).to.deep.equal({
      tenant: 'default',
      producer: undefined,
      ack: undefined,
    })
  })

  it('come from headers', () => {
    const given = headers({
      'x-scope-orgid': 'acme',
      'x-frazil-producer-id': 'p',
      'x-frazil-sequence': '0',
      'x-frazil-ack': 'committed',
    })
    expect(readHeaders(given)).to.deep.equal({
      tenant: 'acme',
      producer: { id: 'p', sequence: 0n },
      ack: 'committed',
    })
  })

  const refused: readonly [string, Record<string, string>][] = [
    ['a tenant with a slash', { 'x-tenant-id': 'a/b' }],
    ['two tenants', { 'x-tenant-id': 'a', 'x-scope-orgid': 'b' }],
    ['an empty producer', { 'x-frazil-producer-id': '' }],
    ['a long producer', { 'x-frazil-producer-id': 'p'.repeat(257) }],
    ['a sequence that is a word', { 'x-frazil-producer-id': 'p', 'x-frazil-sequence': 'one' }],
    ['an unknown ack', { 'x-frazil-ack': 'never' }],
  ]
  for (const [name, given] of refused) {
    it(`refuse ${name}`, () => {
      expect(() => readHeaders(headers(given)))
        .to.throw(ServiceError)
        .with.property('kind', 'invalid')
    })
  }

  it('refuse a header that is given twice', () => {
    const given = headers({ 'x-frazil-producer-id': 'p' })
    given.add('x-frazil-producer-id', 'q')
    expect(() => readHeaders(given)).to.throw(ServiceError, /twice/)
  })

  for (const free of ['', 'x', '[1]', ' {"a": 1}', '{}', '\u00ff', `{${'x'.repeat(5_000)}`]) {
    it(`pass over app_metadata that is ${JSON.stringify(free.slice(0, 10))}`, () => {
      expect(readProducerNote(Buffer.from(free, 'latin1'))).to.deep.equal({
        id: undefined,
        sequence: undefined,
      })
    })
  }

  for (const [wrong, message] of [
    ['{', /starts like a JSON object and is not JSON/],
    ['{"producer_id": ', /is not JSON/],
    ['{"producerId": "p", "sequence": 1}', /unknown key "producerId"; known are producer_id and/],
    ['{"producer_id": "p", "sequense": 1}', /unknown key "sequense"/],
  ] as const) {
    it(`refuse the app_metadata ${wrong}`, () => {
      expect(() => readProducerNote(Buffer.from(wrong)))
        .to.throw(ServiceError, message)
        .with.property('kind', 'invalid')
    })
  }

  for (const id of ['5', '""', '"\\ud800"', 'null']) {
    it(`refuse the producer id ${id}`, () => {
      const appMetadata = Buffer.from(`{"producer_id": ${id}}`)
      expect(() => readProducerNote(appMetadata)).to.throw(ServiceError, /producer id/)
    })
  }
})

function headers(values: Record<string, string>): Metadata {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(values)) metadata.set(name, value)
  return metadata
}
