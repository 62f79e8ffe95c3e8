import { expect } from 'chai'
import { murmur3 } from '../../../src/iceberg/murmur3.ts'
import { parseTransform, resultType, transformFunction } from '../../../src/iceberg/partition.ts'
import { monthsFromDays } from '../../../src/iceberg/transform.ts'
import type { PrimitiveType, Value } from '../../../src/iceberg/types.ts'

const HASH_BUCKETS = 2 ** 31 - 1
const UUID = Uint8Array.from(Buffer.from('f79c3e09677c4bbda4793f349cb785e7', 'hex'))
/** 2017-11-16T22:31:08 in µs. */
const MOMENT = BigInt(Date.UTC(2017, 10, 16, 22, 31, 8)) * 1000n

function apply(transform: string, type: PrimitiveType, value: Value | null): Value | null {
  return transformFunction(transform, type)(value)
}

describe('bucket', () => {
  // The specification's Appendix B.
  const vectors: [PrimitiveType, Value, number][] = [
    ['int', 34, 2017239379],
    ['long', 34n, 2017239379],
    ['decimal(9, 2)', 1420n, -500754589],
    ['date', 17486, -653330422],
    ['time', ((22n * 60n + 31n) * 60n + 8n) * 1_000_000n, -662762989],
    ['timestamp', MOMENT, -2047944441],
    ['timestamp', MOMENT + 1n, -1207196810],
    ['timestamptz', MOMENT, -2047944441],
    ['timestamptz', MOMENT + 1n, -1207196810],
    ['timestamp_ns', MOMENT * 1000n, -2047944441],
    ['timestamp_ns', MOMENT * 1000n + 1001n, -1207196810],
    ['timestamptz_ns', MOMENT * 1000n + 1001n, -1207196810],
    ['string', 'iceberg', 1210000089],
    ['uuid', UUID, 1488055340],
    ['fixed[4]', Uint8Array.of(0, 1, 2, 3), -188683207],
    ['binary', Uint8Array.of(0, 1, 2, 3), -188683207],
  ]
  for (const [type, value, hash] of vectors) {
    it(`hashes the specification's ${type} to ${hash}`, () => {
      const bucket = (hash & HASH_BUCKETS) % HASH_BUCKETS
      expect(apply(`bucket[${HASH_BUCKETS}]`, type, value)).to.equal(bucket)
    })
  }

  it('hashes tails of every length', () => {
    const text = Buffer.from('hello')
    const hashes = [0, 1, 2, 3, 4, 5].map((length) => murmur3(text.subarray(0, length)) >>> 0)
    expect(hashes.at(0)).to.equal(0)
    expect(hashes.at(5)).to.equal(0x248bfa47)
    expect(new Set(hashes).size).to.equal(6)
  })
})

describe('truncate', () => {
  const vectors: [string, PrimitiveType, Value, Value][] = [
    ['truncate[10]', 'int', 1, 0],
    ['truncate[10]', 'int', -1, -10],
    ['truncate[10]', 'long', 1n, 0n],
    ['truncate[10]', 'long', -1n, -10n],
    ['truncate[50]', 'decimal(9, 2)', 1065n, 1050n],
    ['truncate[50]', 'decimal(9, 2)', -1n, -50n],
    ['truncate[3]', 'string', 'iceberg', 'ice'],
    ['truncate[3]', 'string', 'ab', 'ab'],
    ['truncate[2]', 'string', '😀😁😂', '😀😁'],
    ['truncate[3]', 'binary', Uint8Array.of(1, 2, 3, 4, 5), Uint8Array.of(1, 2, 3)],
  ]
  for (const [transform, type, value, expected] of vectors) {
    it(`${transform} of ${type} ${String(value)} is ${String(expected)}`, () => {
      expect(apply(transform, type, value)).to.deep.equal(expected)
    })
  }
})

describe('time transforms', () => {
  const vectors: [string, PrimitiveType, Value, number][] = [
    ['year', 'date', 17501, 47],
    ['month', 'date', 17501, 575],
    ['day', 'date', 17501, 17501],
    ['year', 'timestamp', MOMENT, 47],
    ['month', 'timestamp', MOMENT, 574],
    ['day', 'timestamptz', MOMENT, 17486],
    ['hour', 'timestamptz', MOMENT, 419_686],
    ['hour', 'timestamp_ns', MOMENT * 1000n, 419_686],
    ['year', 'timestamp', -1n, -1],
    ['month', 'timestamp', -1n, -1],
    ['day', 'timestamp', -1n, -1],
    ['hour', 'timestamp', -1n, -1],
    ['day', 'timestamp_ns', -1n, -1],
    ['year', 'date', -1, -1],
    ['month', 'date', -32, -2],
  ]
  for (const [transform, type, value, expected] of vectors) {
    it(`${transform} of ${type} ${String(value)} is ${expected}`, () => {
      expect(apply(transform, type, value)).to.equal(expected)
    })
  }
})

describe('transforms', () => {
  it('turn null into null, and void turns everything into it', () => {
    const cases: [string, PrimitiveType][] = [
      ['identity', 'int'],
      ['bucket[4]', 'string'],
      ['truncate[4]', 'string'],
      ['year', 'date'],
      ['month', 'date'],
      ['day', 'date'],
      ['hour', 'timestamp'],
      ['void', 'int'],
    ]
    for (const [transform, type] of cases) expect(apply(transform, type, null)).to.equal(null)
    expect(apply('void', 'int', 5)).to.equal(null)
    expect(apply('identity', 'string', 'a')).to.equal('a')
  })

  it('know the type of their results', () => {
    expect(resultType('identity', 'uuid')).to.equal('uuid')
    expect(resultType('void', 'double')).to.equal('double')
    expect(resultType('bucket[4]', 'decimal(9, 2)')).to.equal('int')
    expect(resultType('truncate[4]', 'decimal(9, 2)')).to.equal('decimal(9, 2)')
    expect(resultType('day', 'timestamptz')).to.equal('date')
    expect(resultType('year', 'date')).to.equal('int')
    expect(resultType('hour', 'timestamp_ns')).to.equal('int')
  })

  it('refuse types that they cannot be applied to', () => {
    const refused: [string, PrimitiveType][] = [
      ['bucket[4]', 'double'],
      ['bucket[4]', 'boolean'],
      ['truncate[4]', 'uuid'],
      ['hour', 'date'],
      ['day', 'string'],
      ['month', 'long'],
    ]
    for (const [transform, type] of refused) {
      expect(() => resultType(transform, type)).to.throw(`cannot be applied to ${type}`)
    }
    expect(() => resultType('zorder', 'int')).to.throw('not offered')
  })

  it('refuse parameters that mean nothing', () => {
    for (const transform of ['bucket[0]', 'truncate[0]', 'bucket[4294967296]']) {
      expect(() => parseTransform(transform)).to.throw('needs a number')
    }
  })
})

describe('months from days', () => {
  it('are those of Date wherever that reaches', () => {
    for (let days = -99_000_000; days <= 99_000_000; days += 9_973) {
      const date = new Date(days * 86_400_000)
      const months = (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth()
      expect(monthsFromDays(days)).to.equal(months)
    }
  })

  it('are known for every date of 32 bits', () => {
    expect(apply('year', 'date', 2 ** 31 - 1)).to.equal(5_879_610)
    expect(apply('year', 'date', -(2 ** 31))).to.equal(-5_879_611)
    expect(apply('year', 'timestamp', -(2n ** 63n))).to.equal(-292_278)
  })
})
