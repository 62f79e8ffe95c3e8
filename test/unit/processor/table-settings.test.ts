import { expect } from 'chai'
import { configSchema } from '../../../src/config/schema.ts'
import { tableSettings } from '../../../src/processor/table-settings.ts'
import { eventTable } from '../../support/iceberg-tables.ts'

const CONFIG = configSchema.parse({})

describe('row groups', () => {
  it('are small enough to be skipped, and a dictionary is small beside them', () => {
    const { encode } = tableSettings(eventTable({ properties: {} }), CONFIG)
    expect(encode).to.include({ rowGroupRowsMax: 131_072, dictionaryBytesMax: 262_144 })
  })

  it('are as the table wants them', () => {
    const properties = {
      'write.parquet.row-group-limit': '5000',
      'write.parquet.dict-size-bytes': '1048576',
    }
    const { encode } = tableSettings(eventTable({ properties }), CONFIG)
    expect(encode).to.include({ rowGroupRowsMax: 5_000, dictionaryBytesMax: 1_048_576 })
  })
})
