import { expect } from 'chai'
import { ServiceError } from '../../../src/errors.ts'
import { formatTable } from '../../../src/names.ts'
import { descriptorOf, readDescriptor } from '../../../src/server/flight/descriptor.ts'
import type { FlightDescriptor } from '../../../src/server/flight/flight-data.ts'
import { parsePartition } from '../../../src/server/flight/partition-by.ts'
import { command, pathTo } from '../../support/flight-client.ts'

describe('flight descriptor', () => {
  const named: readonly [string, FlightDescriptor, string][] = [
    ['a path of one', pathTo('t'), 'default.t'],
    ['a path of two', pathTo('n', 't'), 'n.t'],
    ['a path of a nested namespace', pathTo('a', 'b', 't'), 'a.b.t'],
    ['a dotted name', command('n.t'), 'n.t'],
    ['a bare name', command('t'), 'default.t'],
    ['JSON with a namespace as text', command({ namespace: 'a.b', table: 't' }), 'a.b.t'],
    ['JSON with a namespace as list', command({ namespace: ['a', 'b'], table: 't' }), 'a.b.t'],
    ['JSON without a namespace', command({ table: 't' }), 'default.t'],
    ['JSON after white space', command(' {"table": "t"}'), 'default.t'],
  ]
  for (const [name, descriptor, table] of named) {
    it(`reads ${name}`, () => {
      const target = readDescriptor('acme', descriptor)
      expect(formatTable(target.table)).to.equal(table)
      expect(target.table.tenant).to.equal('acme')
      expect(target.isCreationAllowed).to.equal(true)
    })
  }

  it('lists a table under the descriptor that names it', () => {
    const { table } = readDescriptor('acme', pathTo('a', 'b', 't'))
    expect(readDescriptor('acme', descriptorOf(table)).table).to.deep.equal(table)
  })

  const refused: readonly [string, FlightDescriptor, RegExp][] = [
    ['an empty path', pathTo(), /empty path/],
    ['a path that climbs', pathTo('..', 't'), /namespace name/],
    ['a path with a slash', pathTo('a/b'), /table name/],
    ['a path with control characters', pathTo('a\u0000'), /table name/],
    ['a name of 300 characters', pathTo('a'.repeat(300)), /300 characters/],
    ['a path that is too deep', pathTo('a', 'b', 'c', 'd', 'e', 't'), /levels/],
    ['an empty command', command(''), /empty command/],
    ['a command that is not UTF-8', { type: 'cmd', path: [], cmd: Buffer.from([0xc3]) }, /UTF-8/],
    ['a command of 5 MiB', command('a'.repeat(5 * 1024 * 1024)), /at most/],
    ['JSON that is broken', command('{"table":'), /is not JSON/],
    ['JSON with an unknown key', command({ table: 't', tabel: 1 }), /"tabel"/],
    ['JSON with __proto__', command('{"table": "t", "__proto__": {}}'), /"__proto__"/],
    ['JSON without a table', command({ namespace: 'n' }), /"table"/],
    ['a namespace that is a number', command({ table: 't', namespace: 1 }), /"namespace"/],
    ['create that is a text', command({ table: 't', create: 'no' }), /"create"/],
    ['an unknown ack', command({ table: 't', ack: 'maybe' }), /ack must be/],
    ['properties with numbers', command({ table: 't', properties: { a: 1 } }), /"properties"/],
    ['partition_by that is a text', command({ table: 't', partition_by: 'a' }), /"partition_by"/],
    ['identifier_fields that is a text', command({ table: 't', identifier_fields: 'a' }), /list/],
    ['plan that is a text', command({ table: 't', plan: 'yes' }), /"plan"/],
    ['a plan without a schema', command({ table: 't', plan: true }), /"schema"/],
    ['a plan for what is not base64', command({ table: 't', plan: true, schema: 'ä' }), /base64/],
    ['a schema without a plan', command({ table: 't', schema: 'AAAA' }), /"plan"/],
    ['a sequence without a producer', command({ table: 't', sequence: 1 }), /"producer_id"/],
    [
      'a sequence with a fraction',
      command({ table: 't', producer_id: 'p', sequence: 1.5 }),
      /whole number/,
    ],
    [
      'a sequence beyond int64',
      command('{"table": "t", "producer_id": "p", "sequence": 9223372036854775808}'),
      /whole number/,
    ],
    ['no type', { type: 'unknown', path: ['t'], cmd: Buffer.alloc(0) }, /neither/],
  ]
  for (const [name, descriptor, text] of refused) {
    it(`refuses ${name}`, () => {
      expect(() => readDescriptor('acme', descriptor))
        .to.throw(ServiceError, text)
        .with.property('kind', 'invalid')
    })
  }

  it('reads the schema that is asked about, with and without the framing of a stream', () => {
    const bare = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8])
    const framed = Buffer.concat([Buffer.from([255, 255, 255, 255, 8, 0, 0, 0]), bare])
    for (const bytes of [bare, framed]) {
      const planned = command({ table: 't', plan: true, schema: bytes.toString('base64') })
      expect(readDescriptor('acme', planned).planned).to.deep.equal(bare)
    }
    expect(readDescriptor('acme', command({ table: 't', plan: false })).planned).to.equal(undefined)
  })

  it('says what a new table is to be like', () => {
    const asked = command({ table: 't', identifier_fields: ['a'], properties: { k: 'v' } })
    expect(readDescriptor('acme', asked).create).to.deep.equal({
      identifierFields: ['a'],
      properties: { k: 'v' },
    })
  })

  it('keeps every digit of a sequence', () => {
    const text = '{"table": "t", "producer_id": "p", "sequence": 9223372036854775807}'
    expect(readDescriptor('acme', command(text)).producer).to.deep.equal({
      id: 'p',
      sequence: 2n ** 63n - 1n,
    })
  })
})

describe('partition field', () => {
  const fields: readonly [string, string, string][] = [
    ['region', 'region', 'identity'],
    ['day(ts)', 'ts', 'day'],
    ['Hours( ts )', 'ts', 'hour'],
    ['bucket(16, id)', 'id', 'bucket[16]'],
    ['truncate(4,name)', 'name', 'truncate[4]'],
    ['identity(a (b))', 'a (b)', 'identity'],
  ]
  for (const [text, column, transform] of fields) {
    it(`reads ${text}`, () => {
      expect(parsePartition(text)).to.deep.equal({ column, transform })
    })
  }

  for (const text of ['', 'bucket(id)', 'bucket(0, id)', 'week(ts)', 'day( )']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(() => parsePartition(text)).to.throw(ServiceError, /not understood/)
    })
  }
})
