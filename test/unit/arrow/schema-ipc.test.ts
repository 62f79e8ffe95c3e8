import { expect } from 'chai'
import { planTable } from '../../../src/arrow/plan-table.ts'
import { schemaToIpc } from '../../../src/arrow/schema-ipc.ts'
import { verifySchema } from '../../../src/arrow/verify-schema.ts'
import type { NestedField, Schema, Type } from '../../../src/iceberg/types.ts'
import { ARROW_LIMITS } from '../../support/arrow-fixtures.ts'

const OPTIONS = { truncateNanoseconds: false, uint64AsDecimal: false, durationAsLong: false }

function field(id: number, name: string, type: Type, required = false): NestedField {
  return { id, name, required, type }
}

const schema: Schema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    field(1, 'b', 'boolean', true),
    field(2, 'i', 'int'),
    field(3, 'l', 'long'),
    field(4, 'f', 'float'),
    field(5, 'd', 'double'),
    field(6, 'date', 'date'),
    field(7, 'time', 'time'),
    field(8, 'ts', 'timestamp'),
    field(9, 'tz', 'timestamptz'),
    field(10, 's', 'string'),
    field(11, 'u', 'uuid'),
    field(12, 'bin', 'binary'),
    field(13, 'fix', 'fixed[7]'),
    field(14, 'dec', 'decimal(20, 3)'),
    field(15, 'st', { type: 'struct', fields: [field(18, 'x', 'int', true)] }),
    field(16, 'li', {
      type: 'list',
      'element-id': 19,
      element: 'string',
      'element-required': true,
    }),
    field(17, 'm', {
      type: 'map',
      'key-id': 20,
      key: 'string',
      'value-id': 21,
      value: 'long',
      'value-required': false,
    }),
  ],
}

describe('the schema message for clients', () => {
  it('is one encapsulated message that plans back to the same table', () => {
    const bytes = schemaToIpc(schema)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    expect(view.getInt32(0, true)).to.equal(-1)
    expect(view.getInt32(4, true)).to.equal(bytes.length - 8)
    const arrow = verifySchema(bytes.subarray(8), ARROW_LIMITS)
    const planned = planTable({ arrow, table: undefined, options: OPTIONS })
    expect(planned.kind === 'create' && planned.schema).to.deep.equal(schema)
  })

  it('carries field ids', () => {
    const arrow = verifySchema(schemaToIpc(schema).subarray(8), ARROW_LIMITS)
    expect(arrow.fields[14]?.children[0]?.metadata.get('PARQUET:field_id')).to.equal('18')
  })
})
