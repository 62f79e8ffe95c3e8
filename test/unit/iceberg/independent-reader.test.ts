/**
 * Our metadata, manifest list and manifests read by icebird, whose JSON, Avro and Iceberg code
 * shares nothing with ours. Files are handed to it as data URLs, so nothing leaves the process.
 */
import { expect } from 'chai'
import { icebergManifests } from 'icebird'
import { prepareManifest, stageAppend } from '../../../src/iceberg/append.ts'
import { decodeManifestList, type ManifestFile } from '../../../src/iceberg/manifest-list.ts'
import { createTableMetadata } from '../../../src/iceberg/metadata-create.ts'
import { formatTableMetadata } from '../../../src/iceberg/metadata-json.ts'
import { applyUpdates } from '../../../src/iceberg/metadata-update.ts'
import { defaultSpec } from '../../../src/iceberg/partition.ts'
import { currentSchema } from '../../../src/iceberg/schema.ts'
import type { DataFile, TableMetadata } from '../../../src/iceberg/types.ts'
import { byDayAndRegion, dataFileOf, eventSchema } from '../../support/iceberg-tables.ts'

function dataUrl(bytes: Uint8Array): string {
  return `data:application/octet-stream;base64,${Buffer.from(bytes).toString('base64')}`
}

/** Appends files in one commit, with every location a data URL of what is there. */
function append(
  base: TableMetadata,
  parentManifests: readonly ManifestFile[],
  { snapshotId, dataFiles }: { snapshotId: bigint; dataFiles: readonly DataFile[] },
) {
  const { bytes, manifest } = prepareManifest({
    schema: currentSchema(base),
    spec: defaultSpec(base),
    formatVersion: base['format-version'],
    snapshotId,
    dataFiles,
    location: '',
  })
  const request = {
    base,
    snapshotId,
    manifests: [{ ...manifest, manifestPath: dataUrl(bytes) }],
    parentManifests,
    now: 2,
  }
  const { manifestList } = stageAppend({ ...request, manifestListLocation: '' })
  const staged = stageAppend({ ...request, manifestListLocation: dataUrl(manifestList) })
  const table = applyUpdates(base, staged.updates, { now: 2, previousLocation: 'previous' })
  return { table, manifests: decodeManifestList(manifestList) }
}

describe('an independent reader', () => {
  const created = createTableMetadata({
    schema: eventSchema,
    partitionSpec: byDayAndRegion,
    location: 'file:///warehouse/default/events',
    uuid: 'a-uuid',
    now: 1,
  })
  const first = append(created, [], {
    snapshotId: 11n,
    dataFiles: [
      dataFileOf({ filePath: 'a', partition: [19724, 'eu'] }),
      dataFileOf({ filePath: 'b', partition: [-1, null], sortOrderId: 0 }),
    ],
  })
  const second = append(first.table, first.manifests, {
    snapshotId: 12n,
    dataFiles: [dataFileOf({ filePath: 'c', partition: [19725, 'us'] })],
  })

  it('finds the files of all snapshots, with their partitions and metrics', async () => {
    const metadata = JSON.parse(formatTableMetadata(second.table)) as never
    const manifests = await icebergManifests(metadata)
    const entries = manifests.flatMap((manifest) => manifest.entries)
    expect(entries.map((entry) => entry.data_file.file_path)).to.deep.equal(['c', 'a', 'b'])
    expect(entries.map((entry) => entry.sequence_number)).to.deep.equal([2n, 1n, 1n])
    expect(entries.map((entry) => entry.data_file.record_count)).to.deep.equal([3n, 3n, 3n])
    const [, a, b] = entries.map((entry) => entry.data_file)
    expect(a?.partition).to.have.property('region', 'eu')
    expect(b?.partition).to.not.have.property('region', 'eu')
    expect(JSON.stringify(a?.partition)).to.include('2024-01-02')
  })
})
