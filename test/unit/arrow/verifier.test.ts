import {
  type DataType,
  Dictionary,
  Field,
  FixedSizeList,
  Int8,
  Int32,
  List,
  makeBuilder,
  Null,
  Struct,
  Table,
  Utf8,
} from 'apache-arrow'
import { expect } from 'chai'
import type { ArrowMessage } from '../../../src/arrow/message.ts'
import type { ArrowField, ArrowSchema, ArrowType } from '../../../src/arrow/schema.ts'
import { openVerifier } from '../../../src/arrow/verifier.ts'
import { verifySchema } from '../../../src/arrow/verify-schema.ts'
import { ARROW_LIMITS, arrowFixture, verifyStream } from '../../support/arrow-fixtures.ts'
import { expectRefusal, messagesOf, withBytes, withNumber } from '../../support/arrow-ipc.ts'

function column(type: DataType, values: readonly unknown[]): ArrowMessage[] {
  const builder = makeBuilder({ type, nullValues: [null] })
  for (const value of values) builder.append(value)
  return messagesOf(new Table({ c: builder.finish().toVector() }))
}

function nullsOf(messages: readonly ArrowMessage[]): readonly number[] | undefined {
  return verifyStream(messages)[0]?.nullCounts
}

const INTS = new List(new Field('item', new Int32(), true))

describe('nulls of a verified batch', () => {
  it('hidden in a null list are not counted', () => {
    const [schema, batch] = column(INTS, [[null], null, [1, null]]) as [ArrowMessage, ArrowMessage]
    expect(nullsOf([schema, batch])).to.deep.equal([1, 2])
    // Now the first list is the null one, and keeps its element.
    const hidden = withBytes(batch, { buffer: 0, bytes: [0b110] })
    const [verified] = verifyStream([schema, hidden])
    expect(verified?.nullCounts).to.deep.equal([1, 1])
    expect(verified?.firstNullRow(1)).to.equal(2)
  })

  it('hidden in a null fixed-size list or struct are not counted', () => {
    const pair = new FixedSizeList(2, new Field('item', new Int32(), true))
    const fixed = column(pair, [[null, 1], null, [1, null]])
    expect(nullsOf(fixed)).to.deep.equal([1, 2])
    const struct = new Struct([new Field('p', pair, true)])
    expect(nullsOf(column(struct, [{ p: [null, 1] }, null, { p: null }]))).to.deep.equal([1, 1, 1])
  })

  it('are told apart from lists of another length', () => {
    const [verified] = verifyStream(column(INTS, [[1, 2], null, [3, null], [4]]))
    expect(verified?.firstRowOfOtherLength(0, 2)).to.deep.equal({ row: 3, length: 1 })
    const deep = new Struct([new Field('l', INTS, true)])
    const [nested] = verifyStream(column(deep, [{ l: [1] }, null, { l: null }, { l: [] }]))
    expect(nested?.firstRowOfOtherLength(1, 1)).to.deep.equal({ row: 3, length: 0 })
    expect(verifyStream(column(INTS, [[1], null]))[0]?.firstRowOfOtherLength(0, 1)).to.equal(
      undefined,
    )
  })

  it('before and behind the lists are not counted', () => {
    const [schema, batch] = column(INTS, [[null], [1], [null]]) as [ArrowMessage, ArrowMessage]
    const inner = withBytes(batch, { buffer: 1, bytes: [1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2] })
    expect(nullsOf([schema, inner])).to.deep.equal([0, 0])
  })

  it('of a column without a type are all of its rows', () => {
    const struct = new Struct<{ n: DataType; i: DataType }>([
      new Field('n', new Null(), true),
      new Field('i', new Int8(), true),
    ])
    expect(nullsOf(column(struct, [{ n: null, i: 1 }, null]))).to.deep.equal([1, 1, 0])
  })
})

describe('shared values', () => {
  const words = new Dictionary(new Utf8(), new Int32())
  const limits = { ...ARROW_LIMITS, batchBytesMax: 2 * 1024 * 1024 }

  it('may stand for as much as a batch may have', () => {
    const messages = column(
      words,
      Array.from({ length: 100 }, () => 'x'.repeat(10_000)),
    )
    expect(verifyStream(messages, limits)).to.have.length(1)
  })

  it('may not stand for more, however small the batch is', () => {
    const messages = column(
      words,
      Array.from({ length: 1_000 }, () => 'x'.repeat(10_000)),
    )
    expectRefusal(
      () => verifyStream(messages, limits),
      /column c grows beyond 2097152 bytes when its shared values are read/,
      'too-large',
    )
  })

  const costs: readonly [string, number][] = [
    ['dictionary of 2,350 bytes a value', 200 * 2_350],
    ['views of one value', 100 * 60 - 60],
  ]
  for (const [name, bytes] of costs) {
    it(`are counted to the byte in a ${name}`, () => {
      const { messages } = arrowFixture(name)
      expect(verifyStream(messages, { ...ARROW_LIMITS, batchBytesMax: bytes })).to.have.length(1)
      const less = { ...ARROW_LIMITS, batchBytesMax: bytes - 1 }
      expectRefusal(() => verifyStream(messages, less), /grows beyond/, 'too-large')
    })
  }
})

describe('columns without bytes', () => {
  it('are limited by their rows', () => {
    const [schema, batch] = column(new List(new Field('n', new Null(), true)), [[null]]) as [
      ArrowMessage,
      ArrowMessage,
    ]
    const many = withNumber(batch, { list: 'nodes', at: 2, value: 2 ** 40 })
    expectRefusal(
      () => verifyStream([schema, many]),
      /column c.n has 1099511627776 slots, at most 1000000/,
      'too-large',
    )
  })
})

describe('a verifier', () => {
  function field(name: string, type: ArrowType, more: Partial<ArrowField> = {}): ArrowField {
    const rest = { children: [], dictionary: undefined, metadata: new Map<string, string>() }
    return { name, nullable: true, type, ...rest, ...more }
  }
  function open(...fields: ArrowField[]): unknown {
    const schema: ArrowSchema = { fields, metadata: new Map() }
    return openVerifier({ schema, limits: ARROW_LIMITS })
  }
  const dictionary = { id: 1n, index: { bits: 8, signed: true }, isOrdered: false } as const
  const text: ArrowType = { kind: 'utf8', layout: 'normal' }

  it('is not opened for unions and run-end encoding', () => {
    const union: ArrowType = { kind: 'union', mode: 'sparse', typeIds: [] }
    expectRefusal(() => open(field('u', union)), /column u is union/)
    expectRefusal(() => open(field('r', { kind: 'run-end-encoded' })), /column r is run-end/)
  })

  it('is not opened when columns share a dictionary but not its type', () => {
    const large: ArrowType = { kind: 'utf8', layout: 'large' }
    expect(open(field('a', text, { dictionary }), field('b', text, { dictionary }))).to.be.an(
      'object',
    )
    expectRefusal(
      () => open(field('a', text, { dictionary }), field('b', large, { dictionary })),
      /columns a and b share dictionary 1 but not its type/,
    )
  })

  it('reads what the schema says of types, names and dictionaries', () => {
    const [schema] = arrowFixture('dictionary in a dictionary').messages
    const [lists] = verifySchema(schema?.metadata as Uint8Array, ARROW_LIMITS).fields
    expect(lists).to.deep.include({ name: 'lists', nullable: true })
    expect(lists?.dictionary?.index).to.deep.equal({ bits: 16, signed: false })
    expect(lists?.children[0]?.dictionary?.index).to.deep.equal({ bits: 8, signed: true })
    expect(lists?.children[0]?.type).to.deep.equal(text)
  })
})
