/** Whatever files and manifests there are, they come back from Avro as they were. */
import { expect } from 'chai'
import * as fc from 'fast-check'
import { decodeManifest, encodeManifest, type ManifestEntry } from '../../src/iceberg/manifest.ts'
import {
  decodeManifestList,
  encodeManifestList,
  type ManifestFile,
} from '../../src/iceberg/manifest-list.ts'
import type { PartitionSpec, Schema, Value } from '../../src/iceberg/types.ts'
import { byDayAndRegion, eventSchema } from '../support/iceberg-tables.ts'

const id = fc.bigInt({ min: 1n, max: 2n ** 63n - 1n })
const count = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })
const int = fc.nat({ max: 2 ** 31 - 1 })
const bytes = fc.uint8Array({ maxLength: 20 }).map((array) => Uint8Array.from(array))
const counts = fc.array(fc.tuple(int, count), { maxLength: 5 }).map((pairs) => new Map(pairs))
const bounds = fc.array(fc.tuple(int, bytes), { maxLength: 5 }).map((pairs) => new Map(pairs))
const path = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })

const price: PartitionSpec['fields'][number] = {
  'source-id': 4,
  'field-id': 1002,
  name: 'price',
  transform: 'identity',
}
const spec: PartitionSpec = { 'spec-id': 2, fields: [...byDayAndRegion.fields, price] }

const partition: fc.Arbitrary<(Value | null)[]> = fc.tuple(
  fc.option(fc.integer({ min: -100_000, max: 100_000 })),
  fc.option(fc.string({ unit: 'binary' })),
  fc.option(fc.bigInt({ min: -999_999_999n, max: 999_999_999n })),
)

const dataFile = fc.record({
  filePath: path,
  partition,
  recordCount: count,
  fileSizeInBytes: count,
  columnSizes: counts,
  valueCounts: counts,
  nullValueCounts: counts,
  nanValueCounts: counts,
  lowerBounds: bounds,
  upperBounds: bounds,
  splitOffsets: fc.array(count, { maxLength: 4 }),
  sortOrderId: maybe(int),
  content: fc.constant('data' as const),
  fileFormat: fc.constant('PARQUET'),
})

const entry: fc.Arbitrary<ManifestEntry> = fc.oneof(
  fc.record({
    status: fc.constant('added' as const),
    snapshotId: maybe(id),
    sequenceNumber: fc.constant(undefined),
    fileSequenceNumber: fc.constant(undefined),
    dataFile,
  }),
  fc.record({
    status: fc.constantFrom('existing' as const, 'deleted' as const),
    snapshotId: id,
    sequenceNumber: count,
    fileSequenceNumber: count,
    dataFile,
  }),
)

const manifestFile: fc.Arbitrary<ManifestFile> = fc.record({
  manifestPath: path,
  manifestLength: count,
  partitionSpecId: int,
  content: fc.constantFrom('data' as const, 'deletes' as const),
  sequenceNumber: count,
  minSequenceNumber: count,
  addedSnapshotId: id,
  addedFilesCount: int,
  existingFilesCount: int,
  deletedFilesCount: int,
  addedRowsCount: count,
  existingRowsCount: count,
  deletedRowsCount: count,
  partitions: maybe(
    fc.array(
      fc.record({
        containsNull: fc.boolean(),
        containsNan: maybe(fc.boolean()),
        lowerBound: maybe(bytes),
        upperBound: maybe(bytes),
      }),
      { maxLength: 3 },
    ),
  ),
  keyMetadata: maybe(bytes),
  firstRowId: maybe(count),
})

describe('manifests', () => {
  it('bring back any files', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 5 }), (entries) => {
        const schema: Schema = eventSchema
        const manifest = { schema, spec, formatVersion: 2, content: 'data', entries } as const
        expect(decodeManifest(encodeManifest(manifest))).to.deep.equal(manifest)
      }),
    )
  })
})

describe('manifest lists', () => {
  it('bring back any manifests', () => {
    fc.assert(
      fc.property(fc.array(manifestFile, { maxLength: 5 }), id, (manifests, snapshotId) => {
        const list = {
          formatVersion: 3,
          snapshotId,
          parentSnapshotId: undefined,
          sequenceNumber: 1n,
          firstRowId: 0n,
          manifests,
        } as const
        expect(decodeManifestList(encodeManifestList(list))).to.deep.equal(manifests)
      }),
    )
  })
})
