import { expect } from 'chai'
import { ServiceError } from '../../../src/errors.ts'
import type { Schema } from '../../../src/iceberg/types.ts'
import { sortOrderFor } from '../../../src/ingest/sort-request.ts'
import { parseSort } from '../../../src/server/flight/sort-by.ts'

const SCHEMA: Schema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 1, name: 'ts', required: false, type: 'timestamptz' },
    {
      id: 2,
      name: 'tags',
      required: false,
      type: { type: 'list', 'element-id': 3, element: 'string', 'element-required': false },
    },
  ],
}

describe('sort fields', () => {
  const cases: readonly [string, string, string, 'asc' | 'desc', 'nulls-first' | 'nulls-last'][] = [
    ['ts', 'ts', 'identity', 'asc', 'nulls-first'],
    ['ts asc', 'ts', 'identity', 'asc', 'nulls-first'],
    ['ts DESC', 'ts', 'identity', 'desc', 'nulls-last'],
    [' ts desc  NULLS first ', 'ts', 'identity', 'desc', 'nulls-first'],
    ['ts nulls last', 'ts', 'identity', 'asc', 'nulls-last'],
    ['day(ts) desc', 'ts', 'day', 'desc', 'nulls-last'],
    ['bucket(16, id)', 'id', 'bucket[16]', 'asc', 'nulls-first'],
    ['a column desc', 'a column', 'identity', 'desc', 'nulls-last'],
  ]
  for (const [text, column, transform, direction, nullOrder] of cases) {
    it(`read ${JSON.stringify(text)}`, () => {
      expect(parseSort(text)).to.deep.equal({ column, transform, direction, nullOrder })
    })
  }

  for (const text of ['', 'weekly(ts) desc', 'bucket(ts)']) {
    it(`refuse ${JSON.stringify(text)}`, () => {
      expect(() => parseSort(text)).to.throw(ServiceError, /sort field .* is not understood/)
    })
  }

  it('become the order of a new table, or name the column that cannot be sorted by', () => {
    expect(sortOrderFor(SCHEMA, [parseSort('ts desc')])).to.deep.equal({
      'order-id': 1,
      fields: [
        {
          transform: 'identity',
          'source-id': 1,
          direction: 'desc',
          'null-order': 'nulls-last',
        },
      ],
    })
    expect(sortOrderFor(SCHEMA, [])).to.deep.equal({ 'order-id': 0, fields: [] })
    expect(() => sortOrderFor(SCHEMA, [parseSort('nope')])).to.throw(/sort by nope: there is no/)
    expect(() => sortOrderFor(SCHEMA, [parseSort('tags')])).to.throw(/tags/)
  })
})
