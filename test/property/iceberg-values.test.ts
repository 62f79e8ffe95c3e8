/** Laws of values: bounds enclose, transforms agree with their plain definitions, bytes come back. */
import { expect } from 'chai'
import * as fc from 'fast-check'
import {
  deserializeValue,
  serializeValue,
  truncateLower,
  truncateUpper,
} from '../../src/iceberg/bounds.ts'
import { transformFunction } from '../../src/iceberg/partition.ts'
import { compareValues, summarizePartitions } from '../../src/iceberg/partition-summary.ts'
import type { PrimitiveType, Value } from '../../src/iceberg/types.ts'
import { parseJson, stringifyJson } from '../../src/json.ts'

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const micros = fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n })
const decimal = fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n })
const text = fc.string({ unit: 'binary', maxLength: 12 })
/** Dense at the ends of the range, where increments overflow. */
const extremeText = fc.string({
  unit: fc.constantFrom('a', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'),
  maxLength: 6,
})
const bytes = fc.uint8Array({ maxLength: 12 })
const fullBytes = fc
  .array(fc.constantFrom(0, 254, 255), { maxLength: 6 })
  .map((array) => Uint8Array.from(array))

const typed: [PrimitiveType, fc.Arbitrary<Value>][] = [
  ['boolean', fc.boolean()],
  ['int', int32],
  ['date', int32],
  ['long', int64],
  ['time', int64],
  ['timestamptz', int64],
  ['timestamp_ns', int64],
  ['float', fc.float({ noNaN: true })],
  ['double', fc.double({ noNaN: true })],
  ['decimal(38, 6)', decimal],
  ['string', text],
  ['binary', bytes],
  ['fixed[5]', fc.uint8Array({ minLength: 5, maxLength: 5 })],
  ['uuid', fc.uint8Array({ minLength: 16, maxLength: 16 })],
]

describe('single values', () => {
  for (const [type, values] of typed) {
    it(`of type ${type} come back from their bytes`, () => {
      fc.assert(
        fc.property(values, (value) => {
          const back = deserializeValue(type, serializeValue(type, value))
          expect(compareValues(type, back!, value)).to.equal(0)
        }),
      )
    })
  }
})

describe('truncated bounds', () => {
  const width = fc.integer({ min: 1, max: 5 })

  it('enclose every string, within the width', () => {
    fc.assert(
      fc.property(fc.oneof(text, extremeText), width, (value, codePoints) => {
        const whole = serializeValue('string', value)
        const lower = truncateLower('string', whole, codePoints)
        const upper = truncateUpper('string', whole, codePoints)
        expect(Buffer.compare(lower, whole)).to.be.at.most(0)
        expect(lengthOf(lower)).to.be.at.most(codePoints)
        if (upper === undefined) return
        expect(Buffer.compare(upper, whole)).to.be.at.least(0)
        expect(lengthOf(upper)).to.be.at.most(codePoints)
        new TextDecoder('utf-8', { fatal: true }).decode(upper)
      }),
      { numRuns: 1000 },
    )
  })

  it('enclose all bytes, within the width', () => {
    fc.assert(
      fc.property(fc.oneof(bytes, fullBytes), width, (value, count) => {
        const lower = truncateLower('binary', value, count)
        const upper = truncateUpper('binary', value, count)
        expect(Buffer.compare(lower, value)).to.be.at.most(0)
        expect(lower.length).to.be.at.most(count)
        if (upper === undefined) return
        expect(Buffer.compare(upper, value)).to.be.at.least(0)
        expect(upper.length).to.be.at.most(count)
      }),
      { numRuns: 1000 },
    )
  })

  function lengthOf(utf8: Uint8Array): number {
    return Array.from(Buffer.from(utf8).toString()).length
  }
})

describe('partition summaries', () => {
  for (const [type, values] of typed) {
    it(`of ${type} enclose every value`, () => {
      fc.assert(
        fc.property(fc.array(fc.option(values), { minLength: 1 }), (column) => {
          const [summary] = summarizePartitions(
            [type],
            column.map((value) => [value]),
          )
          const present = column.filter((value) => value !== null)
          expect(summary!.containsNull).to.equal(present.length < column.length)
          expect(summary!.lowerBound === undefined).to.equal(present.length === 0)
          if (present.length === 0) return
          const lower = deserializeValue(type, summary!.lowerBound!)!
          const upper = deserializeValue(type, summary!.upperBound!)!
          for (const value of present) {
            expect(compareValues(type, lower, value)).to.be.at.most(0)
            expect(compareValues(type, upper, value)).to.be.at.least(0)
          }
        }),
        { numRuns: 50 },
      )
    })
  }
})

describe('transforms', () => {
  it('cut time where the calendar does', () => {
    fc.assert(
      fc.property(micros, (at) => {
        const date = new Date(Number((at - (((at % 1000n) + 1000n) % 1000n)) / 1000n))
        const apply = (transform: string) => transformFunction(transform, 'timestamptz')(at)
        const midnight = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate())
        // Date.UTC takes years below 100 for the twentieth century.
        if (date.getUTCFullYear() >= 100) expect(apply('day')).to.equal(midnight / 86_400_000)
        expect(apply('year')).to.equal(date.getUTCFullYear() - 1970)
        expect(apply('month')).to.equal((date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth())
        expect(apply('hour')).to.equal(Math.floor(date.getTime() / 3_600_000))
      }),
    )
  })

  it('truncate integers to the multiple at or below', () => {
    fc.assert(
      fc.property(int64, fc.integer({ min: 1, max: 2 ** 31 - 1 }), (value, width) => {
        const cut = transformFunction(`truncate[${width}]`, 'long')(value) as bigint
        expect(cut % BigInt(width)).to.equal(0n)
        expect(value - cut >= 0n && value - cut < BigInt(width)).to.equal(true)
      }),
    )
  })

  it('truncate strings to their first code points', () => {
    fc.assert(
      fc.property(fc.oneof(text, extremeText), fc.integer({ min: 1, max: 5 }), (value, width) => {
        const cut = transformFunction(`truncate[${width}]`, 'string')(value)
        expect(cut).to.equal(Array.from(value).slice(0, width).join(''))
      }),
    )
  })

  it('put a value into the same bucket as int and as long, and within the count', () => {
    fc.assert(
      fc.property(int32, fc.integer({ min: 1, max: 1000 }), (value, buckets) => {
        const bucket = transformFunction(`bucket[${buckets}]`, 'int')(value) as number
        expect(bucket).to.be.within(0, buckets - 1)
        expect(transformFunction(`bucket[${buckets}]`, 'long')(BigInt(value))).to.equal(bucket)
      }),
    )
  })
})

describe('lossless JSON', () => {
  it('brings back every int64 among other values', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 3 },
        fc.string(),
        fc.boolean(),
        fc.constant(null),
        int64.map((n) => (Number.isSafeInteger(Number(n)) ? Number(n) : n)),
        fc.array(tie('any'), { maxLength: 4 }),
        fc.dictionary(fc.string(), tie('any'), { maxKeys: 4, noNullPrototype: true }),
      ),
    })).any
    fc.assert(
      fc.property(value, (original) => {
        expect(parseJson(stringifyJson(original))).to.deep.equal(original)
      }),
    )
  })
})
