import { expect } from 'chai'
import { ServiceError } from '../../../src/errors.ts'
import { decodeAvroFile } from '../../../src/iceberg/avro-file.ts'
import { type AvroSchema, avroName } from '../../../src/iceberg/avro-schema.ts'
import {
  decodeManifest,
  encodeManifest,
  type Manifest,
  type ManifestEntry,
} from '../../../src/iceberg/manifest.ts'
import type { PartitionSpec, PrimitiveType, Schema, Value } from '../../../src/iceberg/types.ts'
import { parseJson } from '../../../src/json.ts'
import {
  byDayAndRegion,
  dataFileOf,
  eventSchema,
  readHexFixture,
  readTextFixture,
} from '../../support/iceberg-tables.ts'

const rawName = (id: number) => `f${id}`

function added(overrides: Partial<ManifestEntry> = {}): ManifestEntry {
  return {
    status: 'added',
    snapshotId: 2n ** 63n - 1n,
    sequenceNumber: undefined,
    fileSequenceNumber: undefined,
    dataFile: { ...dataFileOf(), content: 'data', fileFormat: 'PARQUET' },
    ...overrides,
  }
}

function manifestOf(overrides: Partial<Manifest> = {}): Manifest {
  return {
    schema: eventSchema,
    spec: { 'spec-id': 0, fields: [] },
    formatVersion: 2,
    content: 'data',
    entries: [added()],
    ...overrides,
  }
}

function rawSchema(bytes: Uint8Array): AvroSchema {
  return decodeAvroFile(bytes, rawName).schema
}

describe('manifest', () => {
  it('comes back as it was written', () => {
    const manifest = manifestOf()
    expect(decodeManifest(encodeManifest(manifest))).to.deep.equal(manifest)
  })

  it('says in its header what Iceberg readers look for', () => {
    const spec = { ...byDayAndRegion, 'spec-id': 3 }
    const entries = [added({ dataFile: dataFileOf({ partition: [1, 'eu'] }) })]
    const bytes = encodeManifest(manifestOf({ spec, entries }))
    const { metadata } = decodeAvroFile(bytes, rawName)
    expect(metadata).to.have.all.keys(
      'schema',
      'schema-id',
      'partition-spec',
      'partition-spec-id',
      'format-version',
      'content',
    )
    expect(metadata).to.include({
      'schema-id': '0',
      'partition-spec-id': '3',
      'format-version': '2',
      content: 'data',
    })
    expect(parseJson(metadata['schema']!)).to.deep.equal(eventSchema)
    expect(parseJson(metadata['partition-spec']!)).to.deep.equal(byDayAndRegion.fields)
  })

  it('has exactly the checked-in Avro schema, field ids and all', () => {
    const golden = parseJson(readTextFixture('iceberg-manifest-v2.schema.json'))
    const entries = [added({ dataFile: dataFileOf({ partition: [1, 'eu'] }) })]
    const bytes = encodeManifest(manifestOf({ spec: byDayAndRegion, entries }))
    expect(rawSchema(bytes)).to.deep.equal(golden)
  })

  it('still reads the bytes that were written first', () => {
    const { entries, spec, schema } = decodeManifest(readHexFixture('iceberg-manifest-v2.hex'))
    expect(schema).to.deep.equal(eventSchema)
    expect(spec.fields).to.deep.equal(byDayAndRegion.fields)
    expect(entries).to.deep.equal([
      added({ dataFile: { ...added().dataFile, partition: [19724, 'eu'] } }),
      added({
        status: 'existing',
        sequenceNumber: 4n,
        fileSequenceNumber: 5n,
        dataFile: {
          ...added().dataFile,
          filePath: 'file:///warehouse/default/events/data/b.parquet',
          partition: [null, null],
        },
      }),
    ])
  })

  it('reads what PyIceberg wrote', () => {
    const { entries, schema } = decodeManifest(readHexFixture('iceberg-pyiceberg-manifest.hex'))
    expect(schema.fields).to.deep.equal(eventSchema.fields)
    expect(entries.map((entry) => entry.dataFile.partition)).to.deep.equal([
      [19724, 'eu', -125n],
      [19724, null, null],
    ])
    const [first] = entries
    expect(first).to.include({ status: 'added', sequenceNumber: undefined })
    expect(first?.dataFile.recordCount).to.equal(1n)
    expect(first?.dataFile.lowerBounds.get(4)).to.deep.equal(Uint8Array.of(0x83))
  })

  it('leaves out metrics that are empty', () => {
    const bare = dataFileOf({ columnSizes: new Map(), valueCounts: new Map(), splitOffsets: [] })
    const bytes = encodeManifest(manifestOf({ entries: [added({ dataFile: bare })] }))
    const [record] = decodeAvroFile(bytes, rawName).records
    expect(record?.['f2']).to.include({ f108: null, f109: null, f132: null, f137: null })
  })

  it('keeps delete files of other writers whole, in version 3', () => {
    const dataFile = {
      ...dataFileOf(),
      content: 'position-deletes',
      fileFormat: 'puffin',
      keyMetadata: Uint8Array.of(1),
      equalityIds: [1, 2],
      referencedDataFile: 'file:///a.parquet',
      firstRowId: 9n,
      contentOffset: 4n,
      contentSizeInBytes: 40n,
      sortOrderId: 1,
    } as const
    const entry = added({
      status: 'deleted',
      sequenceNumber: 3n,
      fileSequenceNumber: 3n,
      dataFile,
    })
    const manifest = manifestOf({ formatVersion: 3, content: 'deletes', entries: [entry] })
    expect(decodeManifest(encodeManifest(manifest))).to.deep.equal(manifest)
  })

  it('can be empty and still be a file', () => {
    expect(decodeManifest(encodeManifest(manifestOf({ entries: [] }))).entries).to.deep.equal([])
  })

  it('refuses an existing file that does not say its sequence numbers', () => {
    const entries = [added({ status: 'existing' })]
    expect(() => encodeManifest(manifestOf({ entries }))).to.throw('only added files inherit')
  })

  it('refuses partition values that are not one for each field', () => {
    expect(() => encodeManifest(manifestOf({ spec: byDayAndRegion }))).to.throw(
      '0 partition values, its spec 2',
    )
  })

  it('names the value that does not fit', () => {
    const dataFile = dataFileOf({ partition: [1, 5] })
    const manifest = manifestOf({ spec: byDayAndRegion, entries: [added({ dataFile })] })
    expect(() => encodeManifest(manifest)).to.throw(ServiceError, 'data_file.partition.f1001')
  })
})

describe('partition values in a manifest', () => {
  const uuid = Uint8Array.from({ length: 16 }, (_, i) => i * 16)
  const cases: [PrimitiveType, Value][] = [
    ['boolean', true],
    ['int', -5],
    ['long', 2n ** 62n],
    ['float', 1.5],
    ['double', -0.1],
    ['date', -1],
    ['time', 1n],
    ['timestamp', -1n],
    ['timestamptz', 1n],
    ['string', 'é'],
    ['uuid', uuid],
    ['fixed[3]', Uint8Array.of(1, 2, 3)],
    ['binary', Uint8Array.of(255)],
    ['decimal(9, 2)', -125n],
    ['decimal(38, 10)', -(10n ** 37n)],
  ]
  const schema: Schema = {
    type: 'struct',
    'schema-id': 0,
    fields: cases.map(([type], i) => ({ id: i + 1, name: `c${i}`, required: false, type })),
  }
  const spec: PartitionSpec = {
    'spec-id': 0,
    fields: cases.map((_, i) => ({
      'source-id': i + 1,
      'field-id': 1000 + i,
      name: `p${i}`,
      transform: 'identity',
    })),
  }

  it('come back for every type, and so does null', () => {
    const partitions = [cases.map(([, value]) => value), cases.map(() => null)]
    const entries = partitions.map((partition) => added({ dataFile: dataFileOf({ partition }) }))
    const decoded = decodeManifest(encodeManifest(manifestOf({ schema, spec, entries })))
    expect(decoded.entries.map((entry) => entry.dataFile.partition)).to.deep.equal(partitions)
  })

  it('have a fixed type with a name of its own', () => {
    const twice = {
      ...spec,
      fields: [10, 10].map((i, n) => ({ ...spec.fields[i]!, 'field-id': 2000 + n, name: `u${n}` })),
    }
    const dataFile = dataFileOf({ partition: [uuid, null] })
    const bytes = encodeManifest(
      manifestOf({ schema, spec: twice, entries: [added({ dataFile })] }),
    )
    const text = JSON.stringify(rawSchema(bytes))
    expect(text).to.include('uuid_fixed_2000').and.to.include('uuid_fixed_2001')
    expect(decodeManifest(bytes).entries[0]?.dataFile.partition).to.deep.equal([uuid, null])
  })

  it('are under safe names, with the real one beside it', () => {
    const names = ['a-b', '1st', 'é', 'a_x2Db']
    const odd = {
      ...spec,
      fields: spec.fields.slice(0, 4).map((f, i) => ({ ...f, name: names[i]! })),
    }
    const dataFile = dataFileOf({ partition: [null, null, null, null] })
    const bytes = encodeManifest(manifestOf({ schema, spec: odd, entries: [added({ dataFile })] }))
    const text = JSON.stringify(rawSchema(bytes))
    expect(names.slice(0, 3).map(avroName)).to.deep.equal(['a_x2Db', '_1st', '_xE9'])
    expect(text).to.include('"iceberg-field-name":"a-b"').and.to.include('"a_x2Db_1003"')
    expect(decodeManifest(bytes).spec.fields.map((field) => field.name)).to.deep.equal(names)
  })
})
