import { expect } from 'chai'
import { withIdentifiers } from '../../../src/iceberg/identifiers.ts'
import type { Schema } from '../../../src/iceberg/types.ts'

const schema: Schema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 1, name: 'a', required: false, type: 'int' },
    {
      id: 2,
      name: 's',
      required: false,
      type: {
        type: 'struct',
        fields: [
          { id: 4, name: 'k', required: false, type: 'string' },
          { id: 5, name: 'v', required: false, type: 'string' },
        ],
      },
    },
    {
      id: 3,
      name: 'l',
      required: false,
      type: { type: 'list', 'element-id': 6, element: 'int', 'element-required': false },
    },
  ],
}

describe('identifier fields', () => {
  it('are required, with every struct around them', () => {
    const identified = withIdentifiers(schema, ['s.k'])
    expect(identified['identifier-field-ids']).to.deep.equal([4])
    expect(identified.fields.map(({ required }) => required)).to.deep.equal([false, true, false])
    const type = identified.fields[1]?.type
    const below = typeof type === 'object' && type.type === 'struct' ? type.fields : []
    expect(below.map(({ required }) => required)).to.deep.equal([true, false])
  })

  it('leave the schema as it is when there are none', () => {
    expect(withIdentifiers(schema, [])).to.equal(schema)
  })

  it('must be there, and once in a row', () => {
    expect(() => withIdentifiers(schema, ['x'])).to.throw('no such column')
    expect(() => withIdentifiers(schema, ['l.element'])).to.throw('inside a list')
  })
})
