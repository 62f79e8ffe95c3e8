import { expect } from 'chai'
import { fieldHistory } from '../../../src/iceberg/field-history.ts'
import { parseNameMapping } from '../../../src/iceberg/name-mapping.ts'
import type { NestedField, Schema } from '../../../src/iceberg/types.ts'

const NONE = parseNameMapping(undefined)

function schema(id: number, ...fields: readonly [number, string, NestedField['type']?][]): Schema {
  return {
    type: 'struct',
    'schema-id': id,
    fields: fields.map(([fieldId, name, type = 'int']) => ({
      id: fieldId,
      name,
      required: false,
      type,
    })),
  }
}

describe('field history', () => {
  it('knows a field by the name that it had', () => {
    const schemas = [schema(0, [1, 'a'], [2, 'b']), schema(1, [1, 'c'], [2, 'b'])]
    const history = fieldHistory(schemas[1] as Schema, schemas, NONE)
    expect(history.find(0, 'a')).to.deep.equal({ kind: 'renamed', id: 1 })
    expect(history.find(0, 'x')).to.equal(undefined)
  })

  it('knows that a field was dropped, also when an older schema is current again', () => {
    const schemas = [schema(0, [1, 'a']), schema(1, [1, 'a'], [2, 'b'])]
    const history = fieldHistory(schemas[0] as Schema, schemas, NONE)
    expect(history.find(0, 'b')).to.deep.equal({ kind: 'dropped', id: 2 })
  })

  it('takes the last of several fields that had one name', () => {
    const schemas = [
      schema(0, [1, 'a']),
      schema(1, [1, 'old']),
      schema(2, [1, 'old'], [2, 'a']),
      schema(3, [1, 'old'], [2, 'new']),
    ]
    const find = (current: number) =>
      fieldHistory(schemas[current] as Schema, schemas, NONE).find(0, 'a')
    expect(find(3)).to.deep.equal({ kind: 'renamed', id: 2 })
    expect(find(1)).to.deep.equal({ kind: 'dropped', id: 2 })
  })

  it('tells a name by where it stands', () => {
    const point = (name: string) => ({
      type: 'struct' as const,
      fields: schema(0, [2, name]).fields,
    })
    const schemas = [schema(0, [1, 'p', point('x')]), schema(1, [1, 'p', point('y')])]
    const history = fieldHistory(schemas[1] as Schema, schemas, NONE)
    expect(history.find(1, 'x')).to.deep.equal({ kind: 'renamed', id: 2 })
    expect(history.find(0, 'x')).to.equal(undefined)
  })

  it('believes a name mapping more than the past', () => {
    const schemas = [schema(0, [1, 'a'], [2, 'b']), schema(1, [1, 'c'], [2, 'd'])]
    const mapping = parseNameMapping(
      JSON.stringify([
        { 'field-id': 2, names: ['a', 'd'], fields: [{ 'field-id': 3, names: ['deep'] }] },
        { 'field-id': 9, names: ['b'] },
        { names: ['hidden'] },
      ]),
    )
    const history = fieldHistory(schemas[1] as Schema, schemas, mapping)
    expect(history.find(0, 'a')).to.deep.equal({ kind: 'renamed', id: 2 })
    expect(history.find(0, 'b')).to.deep.equal({ kind: 'renamed', id: 2 })
    expect(history.find(0, 'hidden')).to.equal(undefined)
    expect(mapping.get(2)?.get('deep')).to.equal(3)
  })

  for (const text of ['', '{', '{}', '[1, null, {"field-id": "x"}]', '[{"field-id":1}]']) {
    it(`takes ${JSON.stringify(text)} for no mapping`, () => {
      const names = [...parseNameMapping(text).values()].flatMap((known) => [...known])
      expect(names).to.deep.equal([])
    })
  }
})
