import { expect } from 'chai'
import { ServiceError } from '../../../src/errors.ts'
import { decodeAvroFile } from '../../../src/iceberg/avro-file.ts'
import {
  decodeManifestList,
  encodeManifestList,
  type ManifestFile,
  type ManifestList,
  UNASSIGNED_SEQUENCE,
} from '../../../src/iceberg/manifest-list.ts'
import { parseJson } from '../../../src/json.ts'
import { readHexFixture, readTextFixture } from '../../support/iceberg-tables.ts'

const rawName = (id: number) => `f${id}`

const row: ManifestFile = {
  manifestPath: 'file:///warehouse/default/events/metadata/a-m0.avro',
  manifestLength: 5000n,
  partitionSpecId: 0,
  content: 'data',
  sequenceNumber: 3n,
  minSequenceNumber: 2n,
  addedSnapshotId: 2n ** 63n - 1n,
  addedFilesCount: 1,
  existingFilesCount: 2,
  deletedFilesCount: 3,
  addedRowsCount: 10n,
  existingRowsCount: 20n,
  deletedRowsCount: 30n,
  partitions: [
    {
      containsNull: true,
      containsNan: false,
      lowerBound: Uint8Array.of(12, 77, 0, 0),
      upperBound: Uint8Array.of(13, 77, 0, 0),
    },
    {
      containsNull: true,
      containsNan: undefined,
      lowerBound: undefined,
      upperBound: undefined,
    },
  ],
  keyMetadata: Uint8Array.of(7),
  firstRowId: undefined,
}

function listOf(overrides: Partial<ManifestList> = {}): ManifestList {
  return {
    formatVersion: 2,
    snapshotId: 8n,
    parentSnapshotId: 7n,
    sequenceNumber: 4n,
    manifests: [row],
    ...overrides,
  }
}

describe('manifest list', () => {
  it('gives back every field of every row', () => {
    const deletes = { ...row, content: 'deletes', partitions: undefined } as const
    const manifests = [row, deletes, { ...row, partitions: [], keyMetadata: undefined }]
    expect(decodeManifestList(encodeManifestList(listOf({ manifests })))).to.deep.equal(manifests)
  })

  it('says in its header which snapshot it is of', () => {
    const { metadata } = decodeAvroFile(encodeManifestList(listOf()), rawName)
    expect(metadata).to.deep.equal({
      'snapshot-id': '8',
      'parent-snapshot-id': '7',
      'sequence-number': '4',
      'format-version': '2',
    })
  })

  it('writes "null" for the parent of the first snapshot', () => {
    const bytes = encodeManifestList(listOf({ parentSnapshotId: undefined, manifests: [] }))
    expect(decodeAvroFile(bytes, rawName).metadata).to.include({ 'parent-snapshot-id': 'null' })
    expect(decodeManifestList(bytes)).to.deep.equal([])
  })

  it('has exactly the checked-in Avro schema, field ids and all', () => {
    const golden = parseJson(readTextFixture('iceberg-manifest-list-v2.schema.json'))
    expect(decodeAvroFile(encodeManifestList(listOf()), rawName).schema).to.deep.equal(golden)
  })

  it('still reads the bytes that were written first', () => {
    const bytes = readHexFixture('iceberg-manifest-list-v2.hex')
    expect(decodeManifestList(bytes)).to.deep.equal([row])
  })

  it('reads what PyIceberg wrote', () => {
    const rows = decodeManifestList(readHexFixture('iceberg-pyiceberg-manifest-list.hex'))
    expect(rows.map((r) => r.sequenceNumber)).to.deep.equal([2n, 1n])
    expect(rows.map((r) => r.addedRowsCount)).to.deep.equal([1n, 2n])
    expect(rows[1]?.partitions?.map((summary) => summary.containsNull)).to.deep.equal([
      false,
      true,
      true,
    ])
  })

  it('gives manifests of its own snapshot its sequence number, and no others', () => {
    const fresh = {
      ...row,
      addedSnapshotId: 8n,
      sequenceNumber: UNASSIGNED_SEQUENCE,
      minSequenceNumber: UNASSIGNED_SEQUENCE,
    }
    const [first, second] = decodeManifestList(
      encodeManifestList(listOf({ manifests: [fresh, row] })),
    )
    expect(first).to.include({ sequenceNumber: 4n, minSequenceNumber: 4n })
    expect(second).to.include({ sequenceNumber: 3n, minSequenceNumber: 2n })
    const foreign = { ...fresh, addedSnapshotId: 9n }
    expect(() => encodeManifestList(listOf({ manifests: [foreign] }))).to.throw('never committed')
  })

  it('carries first row ids in version 3', () => {
    const manifests = [{ ...row, firstRowId: 100n }]
    const bytes = encodeManifestList(listOf({ formatVersion: 3, firstRowId: 100n, manifests }))
    expect(decodeManifestList(bytes)[0]?.firstRowId).to.equal(100n)
    expect(decodeAvroFile(bytes, rawName).metadata).to.include({ 'first-row-id': '100' })
  })

  it('refuses damaged bytes at every place', () => {
    const bytes = encodeManifestList(listOf())
    for (let end = 0; end < bytes.length; end += 7) {
      expect(() => decodeManifestList(bytes.subarray(0, end)), `cut at ${end}`)
        .to.throw(ServiceError)
        .with.property('kind', 'corrupt')
    }
  })
})
