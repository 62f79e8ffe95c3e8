import { expect } from 'chai'
import { constantColumn } from '../../../src/arrow/kernels/constant.ts'
import { valueReader } from '../../../src/arrow/kernels/values.ts'
import { parseDefault } from '../../../src/iceberg/default-value.ts'
import type { PrimitiveType, Value } from '../../../src/iceberg/types.ts'

const bytes = (...values: number[]) => Uint8Array.from(values)

/** The specification's examples of single values as JSON, and the ends of some types. */
const DEFAULTS: readonly (readonly [PrimitiveType, unknown, Value])[] = [
  ['boolean', true, true],
  ['boolean', false, false],
  ['int', 34, 34],
  ['int', -(2 ** 31), -(2 ** 31)],
  ['long', 34, 34n],
  ['long', 2n ** 63n - 1n, 2n ** 63n - 1n],
  ['float', 1, 1],
  ['double', -1.5, -1.5],
  ['decimal(4, 2)', '14.20', 1420n],
  ['decimal(38, 0)', `-${'9'.repeat(38)}`, 1n - 10n ** 38n],
  ['date', '2017-11-16', 17_486],
  ['date', '1969-12-31', -1],
  ['time', '22:31:08.123456', 81_068_123_456n],
  ['timestamp', '2017-11-16T22:31:08.123456', 1_510_871_468_123_456n],
  ['timestamptz', '2017-11-16T22:31:08.123456+00:00', 1_510_871_468_123_456n],
  ['timestamp_ns', '2017-11-16T22:31:08.123456789', 1_510_871_468_123_456_789n],
  ['timestamptz_ns', '2017-11-16T22:31:08.123456789+00:00', 1_510_871_468_123_456_789n],
  ['timestamp', '1969-12-31T23:59:59', -1_000_000n],
  ['string', 'iceberg', 'iceberg'],
  ['string', '', ''],
  ['fixed[4]', '00010203', bytes(0, 1, 2, 3)],
  ['binary', '000102fF', bytes(0, 1, 2, 255)],
  [
    'uuid',
    'f79c3e09-677c-4bbd-a479-3f349cb785e7',
    new Uint8Array(Buffer.from('f79c3e09677c4bbda4793f349cb785e7', 'hex')),
  ],
]

describe('defaults of columns', () => {
  for (const [type, json, value] of DEFAULTS) {
    it(`${type} ${String(json)} is one value in every row`, () => {
      expect(parseDefault(type, json)).to.deep.equal(value)
      const read = valueReader(constantColumn(type, value, 11), type)
      for (const row of [0, 1, 7, 8, 10]) expect(read(row)).to.deep.equal(value)
      expect(constantColumn(type, value, 0).length).to.equal(0)
    })
  }

  it('are no values where they do not fit the type', () => {
    const wrong: readonly (readonly [PrimitiveType, unknown])[] = [
      ['boolean', 1],
      ['int', 2 ** 31],
      ['int', 1.5],
      ['int', '1'],
      ['long', 2 ** 60],
      ['long', 2n ** 63n],
      ['double', '1'],
      ['decimal(4, 2)', '1.2'],
      ['decimal(4, 2)', '123.45'],
      ['date', '2017-13-01'],
      ['time', '24:00:00'],
      ['timestamp', '2017-11-16T22:31:08+00:00'],
      ['timestamp', '2017-11-16T22:31:08.123456789'],
      ['timestamptz', '2017-11-16T22:31:08'],
      ['fixed[4]', '0001'],
      ['binary', 'xx'],
      ['uuid', 'f79c3e09'],
      ['string', { a: 1 }],
      ['unknown', 'a'],
    ]
    for (const [type, json] of wrong) {
      expect(parseDefault(type, json), `${type} ${String(json)}`).to.equal(undefined)
    }
  })

  it('are refused when all of them together are beyond what offsets reach', () => {
    expect(() => constantColumn('string', 'x'.repeat(65_536), 65_536)).to.throw(RangeError)
  })
})
