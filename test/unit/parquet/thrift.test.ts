import { expect } from 'chai'
import * as fc from 'fast-check'
import {
  readThrift,
  type ThriftValue,
  thriftStruct,
  writeThrift,
} from '../../../src/parquet/thrift.ts'

const { value } = fc.letrec<{ value: ThriftValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.boolean().map((value): ThriftValue => ({ kind: 'bool', value })),
    fc.bigInt(-128n, 127n).map((value): ThriftValue => ({ kind: 'i8', value })),
    fc.bigInt(-(2n ** 15n), 2n ** 15n - 1n).map((value): ThriftValue => ({ kind: 'i16', value })),
    fc.bigInt(-(2n ** 31n), 2n ** 31n - 1n).map((value): ThriftValue => ({ kind: 'i32', value })),
    fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map((value): ThriftValue => ({ kind: 'i64', value })),
    fc.double().map((value): ThriftValue => ({ kind: 'double', value })),
    fc
      .uint8Array({ maxLength: 200 })
      .map((bytes): ThriftValue => ({ kind: 'binary', value: Buffer.from(bytes) })),
    fc.array(fc.bigInt(-(2n ** 31n), 2n ** 31n - 1n), { maxLength: 40 }).map(
      (items): ThriftValue => ({
        kind: 'list',
        element: 5,
        items: items.map((value) => ({ kind: 'i32', value })),
      }),
    ),
    fc.array(fc.boolean(), { maxLength: 20 }).map(
      (items): ThriftValue => ({
        kind: 'set',
        element: 2,
        items: items.map((value) => ({ kind: 'bool', value })),
      }),
    ),
    fc
      .dictionary(fc.integer({ min: 1, max: 300 }).map(String), tie('value'), { maxKeys: 6 })
      .map((members): ThriftValue => thriftStruct(members)),
  ),
}))

describe('thrift', () => {
  it('reads back what it wrote, with every type kept', () => {
    fc.assert(
      fc.property(value, (inner) => {
        const struct = thriftStruct({ 1: inner, 40: inner })
        expect(readThrift(writeThrift(struct))).to.deep.equal(struct)
      }),
      { numRuns: 200 },
    )
  })

  it('reads the bytes that the compact protocol prescribes', () => {
    const struct = readThrift(Buffer.from('150418026162112129151200', 'hex'))
    expect([...struct.members]).to.deep.equal([
      [1, { kind: 'i32', value: 2n }],
      [2, { kind: 'binary', value: Buffer.from('ab') }],
      [3, { kind: 'bool', value: true }],
      [5, { kind: 'bool', value: true }],
      [7, { kind: 'list', element: 5, items: [{ kind: 'i32', value: 9n }] }],
    ])
  })

  it('refuses what is cut short, too deep or followed by more', () => {
    const whole = writeThrift(thriftStruct({ 1: { kind: 'binary', value: Buffer.from('abc') } }))
    for (let end = 0; end < whole.length; end++) {
      expect(() => readThrift(whole.subarray(0, end))).to.throw(RangeError)
    }
    expect(() => readThrift(Buffer.concat([whole, Buffer.of(0)]))).to.throw(RangeError, 'follow')
    expect(() => readThrift(Buffer.alloc(1000, 0x1c))).to.throw(RangeError, 'deep')
  })
})
