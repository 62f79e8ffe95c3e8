import { expect } from 'chai'
import { ServiceError } from '../../../src/errors.ts'
import {
  type CreateTableMetadata,
  createTableMetadata,
} from '../../../src/iceberg/metadata-create.ts'
import type { Schema } from '../../../src/iceberg/types.ts'
import { byDayAndRegion, eventSchema } from '../../support/iceberg-tables.ts'

const request: CreateTableMetadata = {
  schema: eventSchema,
  location: 'file:///warehouse/default/events/',
  uuid: 'a-uuid',
  now: 42,
}

/** The event schema as a client might number it. */
const oddIds: Schema = {
  ...eventSchema,
  'schema-id': 9,
  fields: eventSchema.fields.map((field) => ({ ...field, id: field.id * 100 })),
}

describe('a new table', () => {
  it('starts with version 2, schema 0, spec 0, order 0 and no history', () => {
    expect(createTableMetadata(request)).to.deep.include({
      'format-version': 2,
      'table-uuid': 'a-uuid',
      'last-sequence-number': 0n,
      'last-updated-ms': 42,
      'last-column-id': 4,
      schemas: [eventSchema],
      'current-schema-id': 0,
      'partition-specs': [{ 'spec-id': 0, fields: [] }],
      'last-partition-id': 999,
      'sort-orders': [{ 'order-id': 0, fields: [] }],
      'default-sort-order-id': 0,
      'current-snapshot-id': undefined,
    })
  })

  it('has a location without a slash at its end', () => {
    expect(createTableMetadata(request).location).to.equal('file:///warehouse/default/events')
  })

  it('numbers fields afresh, and the spec and the order follow', () => {
    const metadata = createTableMetadata({
      ...request,
      schema: oddIds,
      partitionSpec: {
        'spec-id': 5,
        fields: [{ 'source-id': 200, 'field-id': 7, name: 'at_day', transform: 'day' }],
      },
      sortOrder: {
        'order-id': 3,
        fields: [
          {
            'source-id': 300,
            transform: 'identity',
            direction: 'asc',
            'null-order': 'nulls-first',
          },
        ],
      },
    })
    expect(metadata.schemas).to.deep.equal([eventSchema])
    expect(metadata['partition-specs'][0]).to.deep.equal({
      'spec-id': 0,
      fields: [{ 'source-id': 2, 'field-id': 1000, name: 'at_day', transform: 'day' }],
    })
    expect(metadata['last-partition-id']).to.equal(1000)
    expect(metadata['sort-orders'][0]).to.deep.include({ 'order-id': 1 })
    expect(metadata['sort-orders'][0]?.fields[0]?.['source-id']).to.equal(3)
    expect(metadata['default-sort-order-id']).to.equal(1)
  })

  it('has default properties that its creator overrules', () => {
    const { properties } = createTableMetadata({
      ...request,
      properties: { 'write.parquet.compression-codec': 'gzip', owner: 'ice' },
    })
    expect(properties).to.deep.equal({
      'write.parquet.compression-codec': 'gzip',
      'write.metadata.delete-after-commit.enabled': 'true',
      owner: 'ice',
    })
  })

  it('counts rows in version 3', () => {
    expect(createTableMetadata({ ...request, formatVersion: 3 })).to.deep.include({
      'format-version': 3,
      'next-row-id': 0n,
    })
  })

  const refused: [string, Partial<CreateTableMetadata>, RegExp][] = [
    ['an empty location', { location: '/' }, /names no place/],
    ['a reserved property', { properties: { uuid: 'x' } }, /uuid is reserved/],
    [
      'a spec of a column that is not there',
      { partitionSpec: byDayAndRegion, schema: oddIds },
      /field id 2 is not in the schema/,
    ],
    [
      'a transform that does not fit',
      {
        partitionSpec: {
          'spec-id': 0,
          fields: [{ 'source-id': 1, 'field-id': 0, name: 'd', transform: 'day' }],
        },
      },
      /day cannot be applied to long/,
    ],
    [
      'a field name twice',
      { schema: { ...eventSchema, fields: [...eventSchema.fields, ...eventSchema.fields] } },
      /two fields named "id"/,
    ],
  ]
  for (const [what, overrides, reason] of refused) {
    it(`is refused with ${what}`, () => {
      expect(() => createTableMetadata({ ...request, ...overrides }))
        .to.throw(ServiceError, reason)
        .with.property('kind', 'invalid')
    })
  }
})
