import { expect } from 'chai'
import { prepareManifest, type StageAppend, stageAppend } from '../../../src/iceberg/append.ts'
import { decodeManifest } from '../../../src/iceberg/manifest.ts'
import { decodeManifestList } from '../../../src/iceberg/manifest-list.ts'
import { applyUpdates, checkRequirements } from '../../../src/iceberg/metadata-update.ts'
import { defaultSpec } from '../../../src/iceberg/partition.ts'
import { currentSchema } from '../../../src/iceberg/schema.ts'
import type { DataFile, TableMetadata } from '../../../src/iceberg/types.ts'
import { byDayAndRegion, dataFileOf, eventTable } from '../../support/iceberg-tables.ts'

const partitioned = eventTable({
  'partition-specs': [byDayAndRegion],
  'last-partition-id': 1001,
})

function prepare(base: TableMetadata, snapshotId: bigint, dataFiles: readonly DataFile[]) {
  return prepareManifest({
    schema: currentSchema(base),
    spec: defaultSpec(base),
    formatVersion: base['format-version'],
    snapshotId,
    dataFiles,
    location: `file:///warehouse/m-${snapshotId}.avro`,
  })
}

function requestFor(
  base: TableMetadata,
  snapshotId: bigint,
  dataFiles = [dataFileOf()],
): StageAppend {
  return {
    base,
    snapshotId,
    manifests: [prepare(base, snapshotId, dataFiles).manifest],
    parentManifests: [],
    manifestListLocation: `file:///warehouse/snap-${snapshotId}.avro`,
    now: 2_000_000,
  }
}

function commit(base: TableMetadata, request: StageAppend) {
  const staged = stageAppend(request)
  expect(checkRequirements(base, staged.requirements)).to.equal(undefined)
  const table = applyUpdates(base, staged.updates, { now: request.now, previousLocation: 'p' })
  return { table, staged, manifests: decodeManifestList(staged.manifestList) }
}

describe('a prepared manifest', () => {
  const files = [
    dataFileOf({ filePath: 'a', partition: [10, 'eu'], recordCount: 2n }),
    dataFileOf({ filePath: 'b', partition: [12, null], recordCount: 3n }),
    dataFileOf({ filePath: 'c', partition: [12, null], recordCount: 4n }),
  ]

  it('counts files, rows and bytes, and bounds its partitions', () => {
    const { manifest, bytes } = prepare(partitioned, 5n, files)
    expect(manifest).to.deep.include({
      manifestLength: BigInt(bytes.length),
      addedFilesCount: 3,
      addedRowsCount: 9n,
      addedBytes: 3n * 1234n,
      addedSnapshotId: 5n,
    })
    expect(manifest.partitions).to.deep.equal([
      {
        containsNull: false,
        containsNan: false,
        lowerBound: Uint8Array.of(10, 0, 0, 0),
        upperBound: Uint8Array.of(12, 0, 0, 0),
      },
      {
        containsNull: true,
        containsNan: false,
        lowerBound: Buffer.from('eu'),
        upperBound: Buffer.from('eu'),
      },
    ])
    expect(manifest.partitionKeys).to.have.length(2)
  })

  it('leaves the sequence numbers of its files to be inherited', () => {
    const { entries } = decodeManifest(prepare(partitioned, 5n, files).bytes)
    expect(entries.map((entry) => entry.sequenceNumber)).to.deep.equal(files.map(() => undefined))
    expect(entries.map((entry) => entry.snapshotId)).to.deep.equal([5n, 5n, 5n])
  })

  it('is refused without files, and with a file twice', () => {
    expect(() => prepare(partitioned, 5n, [])).to.throw('needs a data file')
    expect(() => prepare(partitioned, 5n, [files[0]!, files[0]!])).to.throw('comes twice')
  })

  it('is not written for version 1', () => {
    const request = { ...prepare(partitioned, 5n, files), schema: currentSchema(partitioned) }
    expect(() =>
      prepareManifest({
        schema: request.schema,
        spec: byDayAndRegion,
        formatVersion: 1,
        snapshotId: 5n,
        dataFiles: files,
        location: 'x',
      }),
    ).to.throw('version 1')
  })
})

describe('a staged append', () => {
  it('is the first snapshot of an empty table, with totals from zero', () => {
    const base = eventTable()
    const { table, staged } = commit(base, {
      ...requestFor(base, 5n),
      summary: { 'frazil.range': '1-9', operation: 'delete', 'total-records': '99' },
    })
    expect(staged.snapshot).to.deep.equal({
      'snapshot-id': 5n,
      'sequence-number': 1n,
      'timestamp-ms': 2_000_000,
      'manifest-list': 'file:///warehouse/snap-5.avro',
      'schema-id': 0,
      summary: {
        'frazil.range': '1-9',
        operation: 'append',
        'added-data-files': '1',
        'added-records': '3',
        'added-files-size': '1234',
        'changed-partition-count': '1',
        'manifests-created': '1',
        'manifests-kept': '0',
        'manifests-replaced': '0',
        'total-records': '3',
        'total-files-size': '1234',
        'total-data-files': '1',
        'total-delete-files': '0',
        'total-position-deletes': '0',
        'total-equality-deletes': '0',
      },
    })
    expect(table['current-snapshot-id']).to.equal(5n)
  })

  it('carries totals forward and the parent manifests verbatim, after its own', () => {
    const base = eventTable()
    const first = commit(base, requestFor(base, 5n))
    const second = commit(first.table, {
      ...requestFor(first.table, 6n, [dataFileOf({ filePath: 'b', recordCount: 4n })]),
      parentManifests: first.manifests,
    })
    expect(second.staged.snapshot).to.include({ 'parent-snapshot-id': 5n, 'sequence-number': 2n })
    expect(second.staged.snapshot.summary).to.include({
      'added-records': '4',
      'total-records': '7',
      'total-data-files': '2',
      'total-files-size': '2468',
      'manifests-kept': '1',
    })
    expect(second.manifests.map((manifest) => manifest.sequenceNumber)).to.deep.equal([2n, 1n])
    expect(second.manifests[1]).to.deep.equal(first.manifests[0])
  })

  it('carries no total that the parent did not know', () => {
    const base = eventTable()
    const { table, manifests } = commit(base, requestFor(base, 5n))
    const { 'total-records': _, ...rest } = table.snapshots[0]!.summary
    const forgetful = { ...table.snapshots[0]!, summary: { ...rest, operation: 'append' } }
    const later = { ...table, snapshots: [forgetful] }
    const { staged } = commit(later, { ...requestFor(later, 6n), parentManifests: manifests })
    expect(staged.snapshot.summary).to.not.have.property('total-records')
    expect(staged.snapshot.summary).to.include({ 'total-data-files': '2' })
  })

  it('sets the properties in the same commit', () => {
    const base = eventTable()
    const properties = { 'frazil.wal.01J': '1 abc 42' }
    const { table } = commit(base, { ...requestFor(base, 5n), properties })
    expect(table.properties).to.include(properties)
  })

  it('asserts the head that it was staged on', () => {
    const base = eventTable()
    const staged = stageAppend(requestFor(base, 5n))
    const { table } = commit(base, requestFor(base, 6n))
    expect(checkRequirements(table, staged.requirements)).to.include('head of main')
  })

  it('is staged again with the same manifest under a new sequence number', () => {
    const base = eventTable()
    const request = requestFor(base, 5n)
    const other = commit(base, requestFor(base, 6n))
    const again = commit(other.table, {
      ...request,
      base: other.table,
      parentManifests: other.manifests,
    })
    expect(again.manifests.map((manifest) => manifest.sequenceNumber)).to.deep.equal([2n, 1n])
    expect(again.table.snapshots.map((s) => s['snapshot-id'])).to.deep.equal([6n, 5n])
  })

  it('is never older than the table, whatever the clock says', () => {
    const base = eventTable()
    expect(stageAppend({ ...requestFor(base, 5n), now: 3 }).snapshot['timestamp-ms']).to.equal(
      1_000_000,
    )
  })

  it('counts each partition once over all manifests', () => {
    const files = ['a', 'b'].map((filePath) => dataFileOf({ filePath, partition: [1, 'eu'] }))
    const manifests = files.map((file) => prepare(partitioned, 5n, [file]).manifest)
    const { snapshot } = stageAppend({ ...requestFor(partitioned, 5n, files), manifests })
    expect(snapshot.summary).to.include({
      'changed-partition-count': '1',
      'manifests-created': '2',
      'added-data-files': '2',
    })
  })

  it('can add nothing but properties and its own mark', () => {
    const base = eventTable()
    const { table, manifests } = commit(base, { ...requestFor(base, 5n), manifests: [] })
    expect(manifests).to.deep.equal([])
    expect(table.snapshots[0]?.summary).to.include({ 'total-records': '0' })
    expect(table.snapshots[0]?.summary).to.not.have.property('added-records')
  })

  it('is refused when it could not be right', () => {
    const base = eventTable()
    const { table, manifests } = commit(base, requestFor(base, 5n))
    expect(() => stageAppend({ ...requestFor(table, 5n) })).to.throw('in the table already')
    expect(() => stageAppend({ ...requestFor(base, 6n), parentManifests: manifests })).to.throw(
      'no snapshot that manifests could come from',
    )
    const [manifest] = requestFor(base, 6n).manifests
    const lost = { ...manifest!, partitionSpecId: 4 }
    expect(() => stageAppend({ ...requestFor(base, 6n), manifests: [lost] })).to.throw('spec 4')
  })
})

describe('a staged append in version 3', () => {
  const upgraded = (base: TableMetadata) =>
    applyUpdates(base, [{ action: 'upgrade-format-version', 'format-version': 3 }], {
      now: 0,
      previousLocation: 'p',
    })

  it('gives every new row an id', () => {
    const base = upgraded(eventTable())
    const first = commit(base, requestFor(base, 5n))
    expect(first.staged.snapshot).to.include({ 'first-row-id': 0n, 'added-rows': 3n })
    const second = commit(first.table, {
      ...requestFor(first.table, 6n, [dataFileOf({ filePath: 'b' })]),
      parentManifests: first.manifests,
    })
    expect(second.manifests.map((manifest) => manifest.firstRowId)).to.deep.equal([3n, 0n])
    expect(second.table['next-row-id']).to.equal(6n)
  })

  it('gives rows from before the upgrade ids too', () => {
    const base = eventTable()
    const first = commit(base, requestFor(base, 5n))
    const later = upgraded(first.table)
    const second = commit(later, { ...requestFor(later, 6n), parentManifests: first.manifests })
    expect(second.manifests.map((manifest) => manifest.firstRowId)).to.deep.equal([0n, 3n])
    expect(second.staged.snapshot).to.include({ 'first-row-id': 0n, 'added-rows': 6n })
  })
})
