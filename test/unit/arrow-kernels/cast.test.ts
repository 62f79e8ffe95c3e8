import { expect } from 'chai'
import { castColumn } from '../../../src/arrow/kernels/cast.ts'
import { halfToFloat } from '../../../src/arrow/kernels/cast-number.ts'
import { timestampOverflow } from '../../../src/arrow/kernels/cast-temporal.ts'
import {
  bytesOf,
  type FixedColumn,
  viewFloat32,
  viewInt64,
} from '../../../src/arrow/kernels/column.ts'
import { countNaN } from '../../../src/arrow/kernels/nan.ts'

function fixed(
  values: BigInt64Array | Int32Array | Uint16Array | Float64Array,
  validity?: number,
): FixedColumn {
  const { length } = values
  const bits = validity === undefined ? undefined : Uint8Array.of(validity)
  const width = values.BYTES_PER_ELEMENT
  return {
    kind: 'fixed',
    width,
    length,
    nullCount: bits ? 1 : 0,
    validity: bits,
    values: bytesOf(values),
  }
}

const SECONDS = { kind: 'timestamp', unit: 's', timezone: undefined } as const

describe('casts', () => {
  it('gives every half its float', () => {
    const halves = Uint16Array.from({ length: 65_536 }, (_, bits) => bits)
    const floats = viewFloat32(halfToFloat(fixed(halves)).values)
    for (const bits of halves) {
      expect(Object.is(floats[bits], naiveHalf(bits)), `half ${bits}`).to.equal(true)
    }
  })

  it('refuses a timestamp that does not fit microseconds, and names the row', () => {
    const column = fixed(BigInt64Array.of(0n, 2n ** 62n))
    expect(timestampOverflow(column, 's', 'us')).to.equal(1)
    expect(() => castColumn(column, SECONDS, 'timestamp')).to.throw(RangeError, 'row 1')
  })

  it('takes the largest and smallest seconds that fit', () => {
    const most = (2n ** 63n - 1n) / 1_000_000n
    const column = fixed(BigInt64Array.of(most, -most))
    const cast = castColumn(column, SECONDS, 'timestamp') as FixedColumn
    expect([...viewInt64(cast.values)]).to.deep.equal([most * 1_000_000n, -most * 1_000_000n])
    expect(timestampOverflow(fixed(BigInt64Array.of(most + 1n)), 's', 'us')).to.equal(0)
    expect(timestampOverflow(fixed(BigInt64Array.of(-most - 1n)), 's', 'us')).to.equal(0)
  })

  it('does not look at what stands in null rows', () => {
    const column = fixed(BigInt64Array.of(1n, 2n ** 62n), 0b01)
    const cast = castColumn(column, SECONDS, 'timestamp') as FixedColumn
    expect([...viewInt64(cast.values)]).to.deep.equal([1_000_000n, 0n])
  })

  it('refuses a decimal256 that needs more than 128 bits', () => {
    const type = { kind: 'decimal', bits: 256, precision: 38, scale: 0 } as const
    const words = Int32Array.of(0, 0, 0, 0, 1, 0, 0, 0)
    const column: FixedColumn = { ...fixed(words), width: 32, length: 1 }
    expect(() => castColumn(column, type, 'decimal(38, 0)')).to.throw(RangeError, 'row 0')
  })

  it('refuses a date64 beyond 32-bit days', () => {
    const column = fixed(BigInt64Array.of(2n ** 62n))
    expect(() => castColumn(column, { kind: 'date', unit: 'ms' }, 'date')).to.throw(RangeError)
  })

  it('refuses what the table does not store that way', () => {
    const column = fixed(BigInt64Array.of(1n))
    const long = { kind: 'int', bits: 64, signed: true } as const
    for (const to of ['int', 'string', 'timestamp', 'decimal(20, 0)', 'boolean'] as const) {
      expect(() => castColumn(column, long, to), to).to.throw(RangeError, to)
    }
    const zoned = { kind: 'timestamp', unit: 'us', timezone: 'UTC' } as const
    expect(() => castColumn(column, zoned, 'timestamp')).to.throw(RangeError)
    const decimal = { kind: 'decimal', bits: 64, precision: 10, scale: 2 } as const
    expect(() => castColumn(column, decimal, 'decimal(10, 3)')).to.throw(RangeError)
    expect(() => castColumn(column, decimal, 'decimal(9, 2)')).to.throw(RangeError)
  })

  it('counts NaN among values only, also below null structs', () => {
    const column = fixed(Float64Array.of(NaN, NaN, 1, NaN), 0b1101)
    expect(countNaN(column, undefined)).to.equal(2)
    expect(countNaN(column, Uint8Array.of(0b0111))).to.equal(1)
  })
})

function naiveHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  if (exponent === 0) return sign * 2 ** -14 * (fraction / 1024)
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024)
}
