import { expect } from 'chai'
import { decimalBytes, parsePrimitive } from '../../../src/iceberg/primitive.ts'
import {
  allFields,
  assignFreshIds,
  fieldById,
  fieldByPath,
  highestFieldId,
  isSameSchema,
  leafFields,
  remapIds,
} from '../../../src/iceberg/schema.ts'
import { parseSchema, schemaDefect, TYPE_DEPTH_MAX } from '../../../src/iceberg/schema-json.ts'
import type { Schema, Type } from '../../../src/iceberg/types.ts'
import { eventSchema } from '../../support/iceberg-tables.ts'

const nested: Schema = {
  type: 'struct',
  'schema-id': 0,
  'identifier-field-ids': [50],
  fields: [
    {
      id: 40,
      name: 'place',
      required: false,
      type: { type: 'struct', fields: [{ id: 41, name: 'city', required: false, type: 'string' }] },
    },
    { id: 50, name: 'key', required: true, type: 'int' },
    {
      id: 60,
      name: 'tags',
      required: false,
      type: { type: 'list', 'element-id': 61, element: 'string', 'element-required': true },
    },
    {
      id: 70,
      name: 'counts',
      required: false,
      type: {
        type: 'map',
        'key-id': 71,
        key: 'string',
        'value-id': 72,
        value: { type: 'struct', fields: [{ id: 73, name: 'n', required: true, type: 'long' }] },
        'value-required': false,
      },
    },
  ],
}

describe('schema', () => {
  it('walks parents before children, elements, keys and values included', () => {
    expect([...allFields(nested)].map(({ field, path }) => `${field.id} ${path}`)).to.deep.equal([
      '40 place',
      '41 place.city',
      '50 key',
      '60 tags',
      '61 tags.element',
      '70 counts',
      '71 counts.key',
      '72 counts.value',
      '73 counts.value.n',
    ])
  })

  it('knows which leaves may repeat in a row', () => {
    const leaves = [...leafFields(nested)].map(({ path, isRepeated }) => [path, isRepeated])
    expect(leaves).to.deep.equal([
      ['place.city', false],
      ['key', false],
      ['tags.element', true],
      ['counts.key', true],
      ['counts.value.n', true],
    ])
  })

  it('finds fields by id and by path', () => {
    expect(fieldById(nested, 61)).to.deep.include({ name: 'element', required: true })
    expect(fieldByPath(nested, 'counts.value.n')?.id).to.equal(73)
    expect(fieldById(nested, 99)).to.equal(undefined)
    expect(highestFieldId(nested)).to.equal(73)
  })

  it('assigns ids to all fields of a struct before their children', () => {
    const fresh = assignFreshIds(nested)
    const ids = Object.fromEntries([...allFields(fresh)].map(({ field, path }) => [path, field.id]))
    expect(ids).to.deep.equal({
      place: 1,
      key: 2,
      tags: 3,
      counts: 4,
      'place.city': 5,
      'tags.element': 6,
      'counts.key': 7,
      'counts.value': 8,
      'counts.value.n': 9,
    })
    expect(fresh['identifier-field-ids']).to.deep.equal([2])
  })

  it('starts at the id that it is given', () => {
    expect(assignFreshIds(eventSchema, 10).fields.map(({ id }) => id)).to.deep.equal([
      10, 11, 12, 13,
    ])
  })

  it('does not guess which field an id means that two fields have', () => {
    const field = { id: 0, required: false, type: 'int' } as const
    const fields = [
      { ...field, name: 'a' },
      { ...field, name: 'b' },
    ]
    const { schema, freshId } = remapIds({ type: 'struct', 'schema-id': 0, fields })
    expect(schema.fields.map(({ id }) => id)).to.deep.equal([1, 2])
    expect(() => freshId(0)).to.throw('stands for two fields')
    expect(() => freshId(7)).to.throw('not in the schema')
  })

  it('takes schemas as the same whatever their schema id', () => {
    expect(isSameSchema(eventSchema, { ...eventSchema, 'schema-id': 4 })).to.equal(true)
    const [first, ...rest] = eventSchema.fields
    const other = { ...eventSchema, fields: [{ ...first!, required: false }, ...rest] }
    expect(isSameSchema(eventSchema, other)).to.equal(false)
  })

  it('reads types in every spelling and writes one', () => {
    expect(parsePrimitive('decimal(9,2)')).to.equal('decimal(9, 2)')
    expect(parsePrimitive('fixed[ 16 ]')).to.equal('fixed[16]')
    expect(() => parsePrimitive('decimal(39, 0)')).to.throw('precision 1 to 38')
    expect(() => parsePrimitive('fixed[0]')).to.throw('not a type')
    expect(() => parsePrimitive('variant')).to.throw('not offered')
  })

  it('knows how many bytes a decimal needs', () => {
    const bytes = [1, 2, 3, 4, 9, 10, 18, 19, 38].map(decimalBytes)
    expect(bytes).to.deep.equal([1, 1, 2, 2, 4, 5, 8, 9, 16])
  })

  it('keeps members that it does not know', () => {
    const field = { id: 1, name: 'a', required: false, type: 'int', 'x-color': 'red' }
    const json = { type: 'struct', 'schema-id': 0, fields: [field], 'x-more': [1] }
    expect(parseSchema(json)).to.deep.equal(json)
  })

  it('reads every nested type as it was', () => {
    expect(parseSchema(structuredClone(nested))).to.deep.equal(nested)
    const bad = { fields: [{ id: 1, name: 'a', required: false, type: { type: 'tree' } }] }
    expect(() => parseSchema(bad)).to.throw('neither struct, list nor map')
  })

  it('names the member that is wrong', () => {
    const json = { type: 'struct', fields: [{ id: 1.5, name: 'a', required: false, type: 'int' }] }
    expect(() => parseSchema(json)).to.throw(
      'schema.fields[0].id is 1.5 where a 32-bit integer belongs',
    )
  })

  it('refuses types that nest for ever', () => {
    let type: unknown = 'int'
    for (let depth = 0; depth <= TYPE_DEPTH_MAX; depth += 1) {
      type = { type: 'list', 'element-id': depth + 2, element: type, 'element-required': false }
    }
    const json = { fields: [{ id: 1, name: 'deep', required: false, type }] }
    expect(() => parseSchema(json)).to.throw('nested deeper')
  })
})

describe('schema rules', () => {
  const withField = (type: Type, required = false, id = 5): Schema => ({
    ...eventSchema,
    fields: [...eventSchema.fields, { id, name: 'extra', required, type }],
  })

  it('accepts a sound schema', () => {
    expect(schemaDefect(eventSchema, 2)).to.equal(undefined)
    expect(schemaDefect({ ...nested, 'identifier-field-ids': [50] }, 2)).to.equal(undefined)
  })

  const broken: [string, Schema, RegExp][] = [
    ['an id that two fields have', withField('int', false, 1), /has id 1, which another/],
    ['the id 0', withField('int', false, 0), /outside 1 to/],
    ['nanoseconds before version 3', withField('timestamp_ns'), /needs format version 3/],
    ['a name that two fields have', { ...eventSchema, fields: twice() }, /two fields named "id"/],
    [
      'an optional identifier',
      { ...eventSchema, 'identifier-field-ids': [2] },
      /identifier field at is optional/,
    ],
    [
      'an identifier that is not there',
      { ...eventSchema, 'identifier-field-ids': [9] },
      /not in the schema/,
    ],
    [
      'a floating identifier',
      { ...withField('double', true), 'identifier-field-ids': [5] },
      /do not compare exactly/,
    ],
    [
      'an identifier inside a list',
      { ...nested, 'identifier-field-ids': [61] },
      /inside a list or a map/,
    ],
  ]
  for (const [what, schema, reason] of broken) {
    it(`refuses ${what}`, () => {
      expect(schemaDefect(schema, 2)).to.match(reason)
    })
  }

  function twice() {
    const [first] = eventSchema.fields
    return [first!, { ...first!, id: 9 }]
  }
})
