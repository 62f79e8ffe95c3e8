import { expect } from 'chai'
import { encodeSchema } from '../../../src/entry.ts'
import type { Schema, TableMetadata } from '../../../src/iceberg/types.ts'
import { droppedColumns } from '../../../src/processor/dropped-columns.ts'
import { column, table } from '../../support/arrow-fields.ts'

function metadataOf(...schemas: Schema[]): TableMetadata {
  const numbered = schemas.map((schema, id) => ({ ...schema, 'schema-id': id }))
  const current = { schemas: numbered, 'current-schema-id': schemas.length - 1 }
  return current as unknown as TableMetadata
}

function entryOf(...fieldIds: number[]) {
  const bytes = encodeSchema({ fieldIds, metadata: new Uint8Array(0) })
  return { definitions: [{ id: fieldIds.join(), bytes }] }
}

describe('columns that entries have and the table has dropped', () => {
  const inner = { type: 'struct', fields: [column(3, 'x', 'int')] } as const
  const before = table(column(1, 'a', 'int'), column(2, 's', inner))
  const metadata = metadataOf(before, table(column(1, 'a', 'int')))

  it('are named as they were', () => {
    expect(droppedColumns([entryOf(1), entryOf(1, 2, 3)], metadata)).to.deep.equal(['s', 's.x'])
  })

  it('are not those that were never stored, nor those that the metadata is too old for', () => {
    expect(droppedColumns([entryOf(1, -1, 0, 9)], metadata)).to.deep.equal([])
    expect(droppedColumns([], metadata)).to.deep.equal([])
    const damaged = { definitions: [{ id: 'd', bytes: new Uint8Array(3) }] }
    expect(droppedColumns([damaged], metadata)).to.deep.equal([])
  })
})
