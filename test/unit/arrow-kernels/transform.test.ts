import { expect } from 'chai'
import * as fc from 'fast-check'
import { columnTransform } from '../../../src/arrow/kernels/transform.ts'
import { valueReader } from '../../../src/arrow/kernels/values.ts'
import { minimalDecimal } from '../../../src/iceberg/bounds.ts'
import { decimalBytes, decimalOf } from '../../../src/iceberg/primitive.ts'
import { resultType, transformFunction } from '../../../src/iceberg/transform.ts'
import type { PrimitiveType, Value } from '../../../src/iceberg/types.ts'
import { rowsOfValues, TYPED_VALUES, typedColumn } from '../../support/typed-columns.ts'

const TRANSFORMS = [
  'identity',
  'void',
  'year',
  'month',
  'day',
  'hour',
  'bucket[1]',
  'bucket[16]',
  'bucket[2147483647]',
  'truncate[1]',
  'truncate[3]',
  'truncate[10]',
  'truncate[2147483647]',
]

function transformed(transform: string, type: PrimitiveType, rows: readonly (Value | null)[]) {
  const column = columnTransform(transform, type)(typedColumn(type, rows))
  const read = valueReader(column, resultType(transform, type))
  return rows.map((_, row) => read(row))
}

function isOffered(transform: string, type: PrimitiveType): boolean {
  try {
    resultType(transform, type)
    return true
  } catch {
    return false
  }
}

/** Results beyond their type are refused; the plain function knows no such bounds. */
function fits(type: PrimitiveType, value: Value | null): boolean {
  if (value === null || typeof value === 'boolean') return true
  const decimal = decimalOf(type)
  if (decimal) return minimalDecimal(value as bigint).length <= decimalBytes(decimal.precision)
  if (type === 'int' || type === 'date') return value === ((value as number) | 0)
  return typeof value !== 'bigint' || BigInt.asIntN(64, value) === value
}

describe('transforms of columns', () => {
  for (const [type, values] of TYPED_VALUES) {
    for (const transform of TRANSFORMS.filter((name) => isOffered(name, type))) {
      it(`${transform} of ${type} is what the plain function gives for every row`, () => {
        const plain = transformFunction(transform, type)
        const result = resultType(transform, type)
        fc.assert(
          fc.property(rowsOfValues(values), (rows) => {
            const wanted = rows.map(plain)
            if (wanted.every((value) => fits(result, value))) {
              expect(transformed(transform, type, rows)).to.deep.equal(wanted)
            } else {
              expect(() => transformed(transform, type, rows)).to.throw(RangeError)
            }
          }),
          { numRuns: 150 },
        )
      })
    }
  }

  // The specification's Appendix B.
  const moment = BigInt(Date.UTC(2017, 10, 16, 22, 31, 8)) * 1000n
  const uuid = Uint8Array.from(Buffer.from('f79c3e09677c4bbda4793f349cb785e7', 'hex'))
  const vectors: [PrimitiveType, Value, number][] = [
    ['int', 34, 2017239379],
    ['long', 34n, 2017239379],
    ['decimal(9, 2)', 1420n, -500754589],
    ['date', 17486, -653330422],
    ['time', ((22n * 60n + 31n) * 60n + 8n) * 1_000_000n, -662762989],
    ['timestamp', moment, -2047944441],
    ['timestamp', moment + 1n, -1207196810],
    ['timestamptz_ns', moment * 1000n + 1001n, -1207196810],
    ['string', 'iceberg', 1210000089],
    ['uuid', uuid, 1488055340],
    ['fixed[4]', Uint8Array.of(0, 1, 2, 3), -188683207],
    ['binary', Uint8Array.of(0, 1, 2, 3), -188683207],
  ]
  it('hash what the specification says', () => {
    const buckets = 2 ** 31 - 1
    for (const [type, value, hash] of vectors) {
      expect(transformed(`bucket[${buckets}]`, type, [value])).to.deep.equal([
        (hash & buckets) % buckets,
      ])
    }
  })

  it('refuse what the specification refuses', () => {
    expect(() => columnTransform('bucket[4]', 'double')).to.throw('cannot be applied')
    expect(() => columnTransform('zorder', 'int')).to.throw('not offered')
  })
})
