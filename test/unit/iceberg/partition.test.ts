import { expect } from 'chai'
import { checkSpec, defaultSpec, partitionTypes } from '../../../src/iceberg/partition.ts'
import { compareValues, summarizePartitions } from '../../../src/iceberg/partition-summary.ts'
import type { PartitionField, PartitionSpec, Schema } from '../../../src/iceberg/types.ts'
import { byDayAndRegion, eventSchema, eventTable } from '../../support/iceberg-tables.ts'

const [day, region] = byDayAndRegion.fields as [PartitionField, PartitionField]

function specOf(...fields: PartitionField[]): PartitionSpec {
  return { 'spec-id': 0, fields }
}

describe('partition spec', () => {
  it('has a type for each of its fields', () => {
    expect(partitionTypes(eventSchema, byDayAndRegion)).to.deep.equal(['date', 'string'])
  })

  it('may keep a void field of a column that was dropped', () => {
    const gone = { ...day, 'source-id': 99, transform: 'void' }
    expect(partitionTypes(eventSchema, specOf(gone))).to.deep.equal(['int'])
  })

  it('is the one that the metadata names', () => {
    expect(defaultSpec(eventTable())).to.deep.equal({ 'spec-id': 0, fields: [] })
    expect(() => defaultSpec(eventTable({ 'default-spec-id': 4 }))).to.throw('default spec 4')
  })

  const withList: Schema = {
    ...eventSchema,
    fields: [
      {
        id: 8,
        name: 'l',
        required: false,
        type: { type: 'list', 'element-id': 9, element: 'int', 'element-required': false },
      },
    ],
  }
  const refused: [string, Schema, PartitionSpec, RegExp][] = [
    [
      'two fields of one name',
      eventSchema,
      specOf(day, { ...region, name: 'at_day' }),
      /the name of another/,
    ],
    [
      'two fields of one id',
      eventSchema,
      specOf(day, { ...region, 'field-id': 1000 }),
      /the id 1000/,
    ],
    [
      'one field twice',
      eventSchema,
      specOf(day, { ...day, name: 'b', 'field-id': 1001 }),
      /repeats/,
    ],
    ['no name', eventSchema, specOf({ ...day, name: '' }), /empty name/],
    [
      'the name of a column',
      eventSchema,
      specOf({ ...day, name: 'price' }),
      /the name of a column/,
    ],
    [
      'a column that is not there',
      eventSchema,
      specOf({ ...day, 'source-id': 99 }),
      /names no column/,
    ],
    ['a whole list', withList, specOf({ ...day, 'source-id': 8 }), /cannot use column l/],
    ['an element', withList, specOf({ ...region, 'source-id': 9 }), /cannot use column l.element/],
  ]
  for (const [what, schema, spec, reason] of refused) {
    it(`is refused with ${what}`, () => {
      expect(() => checkSpec(schema, spec)).to.throw(reason)
    })
  }
})

describe('partition summaries', () => {
  it('enclose the values and tell of nulls and NaNs', () => {
    const [summary] = summarizePartitions(['double'], [[1.5], [null], [Number.NaN], [-2]])
    expect(summary).to.deep.include({ containsNull: true, containsNan: true })
    expect(Buffer.from(summary!.lowerBound!).readDoubleLE()).to.equal(-2)
    expect(Buffer.from(summary!.upperBound!).readDoubleLE()).to.equal(1.5)
  })

  it('have no bounds when there is nothing but null', () => {
    expect(summarizePartitions(['string'], [[null]])).to.deep.equal([
      { containsNull: true, containsNan: false, lowerBound: undefined, upperBound: undefined },
    ])
  })

  it('order strings by code point, not by UTF-16', () => {
    expect(compareValues('string', '\u{10000}', '\u{ffff}')).to.be.greaterThan(0)
    const [summary] = summarizePartitions(['string'], [['\u{10000}'], ['\u{ffff}']])
    expect(Buffer.from(summary!.upperBound!).toString()).to.equal('\u{10000}')
  })

  it('put -0.0 before +0.0, whichever came first', () => {
    for (const values of [
      [0, -0],
      [-0, 0],
    ]) {
      const [summary] = summarizePartitions(
        ['float'],
        values.map((value) => [value]),
      )
      expect(Object.is(Buffer.from(summary!.lowerBound!).readFloatLE(), -0)).to.equal(true)
      expect(Object.is(Buffer.from(summary!.upperBound!).readFloatLE(), 0)).to.equal(true)
    }
  })
})
