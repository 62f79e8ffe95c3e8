import { expect } from 'chai'
import { ServiceError } from '../../../src/errors.ts'
import {
  deserializeValue,
  minimalDecimal,
  paddedDecimal,
  serializeValue,
  truncateLower,
  truncateUpper,
} from '../../../src/iceberg/bounds.ts'
import type { PrimitiveType, Value } from '../../../src/iceberg/types.ts'

const hex = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString('hex')
const utf8 = (text: string) => Uint8Array.from(Buffer.from(text))
const UUID = Uint8Array.from(Buffer.from('f79c3e09677c4bbda4793f349cb785e7', 'hex'))

describe('single-value serialization', () => {
  const vectors: [PrimitiveType, Value, string][] = [
    ['boolean', true, '01'],
    ['boolean', false, '00'],
    ['int', -2, 'feffffff'],
    ['date', 19724, '0c4d0000'],
    ['long', 2n ** 63n - 1n, 'ffffffffffffff7f'],
    ['long', -(2n ** 63n), '0000000000000080'],
    ['time', 1n, '0100000000000000'],
    ['timestamp', -1n, 'ffffffffffffffff'],
    ['timestamptz', 256n, '0001000000000000'],
    ['timestamp_ns', 1n, '0100000000000000'],
    ['timestamptz_ns', 1n, '0100000000000000'],
    ['float', 1, '0000803f'],
    ['float', -0, '00000080'],
    ['double', -0, '0000000000000080'],
    ['decimal(9, 2)', 0n, '00'],
    ['decimal(9, 2)', 127n, '7f'],
    ['decimal(9, 2)', 128n, '0080'],
    ['decimal(9, 2)', -128n, '80'],
    ['decimal(9, 2)', -129n, 'ff7f'],
    ['decimal(38, 0)', 10n ** 38n - 1n, '4b3b4ca85a86c47a098a223fffffffff'],
    ['string', 'é€', 'c3a9e282ac'],
    ['uuid', UUID, 'f79c3e09677c4bbda4793f349cb785e7'],
    ['fixed[2]', Uint8Array.of(1, 2), '0102'],
    ['binary', Uint8Array.of(), ''],
  ]
  for (const [type, value, expected] of vectors) {
    it(`writes ${type} ${String(value)} as ${expected || 'nothing'} and reads it back`, () => {
      const bytes = serializeValue(type, value)
      expect(hex(bytes)).to.equal(expected)
      const back = deserializeValue(type, bytes)
      if (value instanceof Uint8Array) expect(hex(back as Uint8Array)).to.equal(expected)
      else expect(Object.is(back, value)).to.equal(true)
    })
  }

  it('takes integers as number or bigint', () => {
    expect(hex(serializeValue('int', 7n))).to.equal('07000000')
    expect(hex(serializeValue('long', 7))).to.equal('0700000000000000')
  })

  it('reads bounds from before a promotion', () => {
    expect(deserializeValue('long', serializeValue('int', -5))).to.equal(-5n)
    expect(deserializeValue('double', serializeValue('float', 1.5))).to.equal(1.5)
  })

  it('reads nothing from bytes of no value', () => {
    for (const type of ['boolean', 'int', 'long', 'float', 'double', 'decimal(9, 2)'] as const) {
      expect(deserializeValue(type, new Uint8Array(type === 'decimal(9, 2)' ? 0 : 3))).to.equal(
        undefined,
      )
    }
    expect(deserializeValue('unknown', new Uint8Array(1))).to.equal(undefined)
  })

  const refused: [PrimitiveType, Value][] = [
    ['boolean', 1],
    ['int', 2 ** 31],
    ['int', 1.5],
    ['long', 2n ** 63n],
    ['double', '1'],
    ['string', 1],
    ['uuid', new Uint8Array(15)],
    ['fixed[3]', new Uint8Array(4)],
    ['binary', 'text'],
    ['unknown', 1],
    ['decimal(9, 2)', 'x'],
  ]
  for (const [type, value] of refused) {
    it(`refuses ${typeof value} ${String(value).slice(0, 12)} as ${type}`, () => {
      expect(() => serializeValue(type, value))
        .to.throw(ServiceError)
        .with.property('kind', 'invalid')
    })
  }

  it('extends the sign of decimals to a width', () => {
    expect(hex(paddedDecimal(-2n, 4))).to.equal('fffffffe')
    expect(hex(paddedDecimal(258n, 4))).to.equal('00000102')
    expect(hex(minimalDecimal(-1n))).to.equal('ff')
  })
})

describe('bounds of strings', () => {
  const lower = (text: string, width: number) =>
    Buffer.from(truncateLower('string', utf8(text), width)).toString()
  const upper = (text: string, width: number) => {
    const bytes = truncateUpper('string', utf8(text), width)
    return bytes === undefined ? undefined : Buffer.from(bytes).toString()
  }

  it('are cut by code points', () => {
    expect(lower('iceberg', 3)).to.equal('ice')
    expect(lower('😀😁😂', 2)).to.equal('😀😁')
    expect(lower('é', 16)).to.equal('é')
  })

  it('rise at the last code point that can', () => {
    expect(upper('iceberg', 3)).to.equal('icf')
    expect(upper('a\u{10ffff}b', 2)).to.equal('b')
  })

  it('skip the surrogates, which are no characters', () => {
    expect(upper('\ud7ffx', 1)).to.equal('\ue000')
  })

  it('stay as they are when nothing is cut', () => {
    expect(upper('ice', 3)).to.equal('ice')
    expect(upper('\u{10ffff}', 1)).to.equal('\u{10ffff}')
    expect(upper('', 3)).to.equal('')
  })

  it('are not there when none could be short', () => {
    expect(upper('\u{10ffff}\u{10ffff}x', 2)).to.equal(undefined)
  })
})

describe('bounds of bytes', () => {
  const bytes = Uint8Array.of(1, 0xff, 0xff, 9)

  it('are cut by bytes, and rise at the last byte that can', () => {
    expect(hex(truncateLower('binary', bytes, 3))).to.equal('01ffff')
    expect(hex(truncateUpper('binary', bytes, 3))).to.equal('02')
    expect(hex(truncateUpper('fixed[4]', bytes, 1))).to.equal('02')
  })

  it('stay as they are when nothing is cut', () => {
    expect(truncateUpper('binary', bytes, 4)).to.equal(bytes)
  })

  it('are not there when all bytes are full', () => {
    expect(truncateUpper('binary', Uint8Array.of(0xff, 0xff, 1), 2)).to.equal(undefined)
  })
})

describe('bounds of other types', () => {
  it('are never cut', () => {
    const bytes = serializeValue('long', 5n)
    expect(truncateLower('long', bytes, 1)).to.equal(bytes)
    expect(truncateUpper('uuid', UUID, 1)).to.equal(UUID)
  })
})
