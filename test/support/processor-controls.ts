/**
 * Negative controls: each breaks one rule of the commit by standing between the processor and its
 * catalog, so that the processor itself has no switch for it. A simulation that does not notice
 * them proves nothing.
 */
import type { CommitOutcome, CommitRequest, LoadedTable } from '../../src/catalog/catalog.ts'
import { stageAppend } from '../../src/iceberg/append.ts'
import { decodeManifestList, UNASSIGNED_SEQUENCE } from '../../src/iceberg/manifest-list.ts'
import type { TableMetadata } from '../../src/iceberg/types.ts'
import { parseWatermark, watermarkKey } from '../../src/processor/watermark.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import type { Control } from './processor-simulation.ts'

/** Knows of a commit only what the answer said: the table's own watermark is hidden from it. */
export function trustsTheAnswer(): Control {
  // Kept over restarts, as a checkpoint file would be.
  const confirmed = new Map<string, bigint>()
  return ({ catalog, wal }) => {
    const property = watermarkKey(wal.id)
    return {
      ...catalog,
      loadTable: async (identifier) => {
        const loaded = await catalog.loadTable(identifier)
        const sequence = confirmed.get(identifier.name)
        const value = sequence && `${wal.epoch}:${wal.nonce}:${sequence}`
        return hideWatermark(loaded, property, value)
      },
      commitTable: async (identifier, request) => {
        const outcome = await catalog.commitTable(identifier, request)
        const sequence = watermarkIn(request, property)
        if (outcome.kind === 'committed' && sequence) confirmed.set(identifier.name, sequence)
        return outcome
      },
    }
  }
}

/** Judges the watermark on one version and commits on another: a refresh inside of the commit. */
export function rebases(): Control {
  return ({ catalog, truth, store }) => ({
    ...catalog,
    commitTable: async (identifier, request) => {
      let outcome: CommitOutcome = { kind: 'conflict', reason: 'not tried' }
      for (let attempt = 0; attempt < 3 && outcome.kind === 'conflict'; attempt += 1) {
        const base = truth.table(identifier.name)
        outcome = await catalog.commitTable(identifier, await rebase(store, base, request))
      }
      return outcome
    },
  })
}

/** Forgets entries as soon as their commit is sent. */
export function trimsWhatItSends(): Control {
  return ({ catalog, wal }) => ({
    ...catalog,
    commitTable: async (identifier, request) => {
      const live = wal.keys().find(({ key }) => key.includes(`.${identifier.name}@`))
      const sequence = watermarkIn(request, watermarkKey(wal.id))
      if (live && sequence) await wal.trim(live.key, sequence)
      return catalog.commitTable(identifier, request)
    },
  })
}

function watermarkIn({ updates }: CommitRequest, property: string): bigint | undefined {
  const update = updates.find(({ action }) => action === 'set-properties')
  const value = update?.action === 'set-properties' ? update.updates[property] : undefined
  return value === undefined ? undefined : parseWatermark(value)?.sequence
}

function hideWatermark(
  loaded: LoadedTable,
  property: string,
  value: string | undefined | 0n,
): LoadedTable {
  const { metadata } = loaded
  const { [property]: _hidden, ...properties } = metadata.properties
  const snapshots = metadata.snapshots.map((snapshot) => {
    const { [property]: _told, ...summary } = snapshot.summary
    return { ...snapshot, summary: { ...summary, operation: snapshot.summary.operation } }
  })
  const shown = value ? { ...properties, [property]: value } : properties
  return { ...loaded, metadata: { ...metadata, properties: shown, snapshots } }
}

async function rebase(
  store: ObjectStore,
  base: TableMetadata,
  request: CommitRequest,
): Promise<CommitRequest> {
  const snapshot = request.updates.find(({ action }) => action === 'add-snapshot')
  const properties = request.updates.find(({ action }) => action === 'set-properties')
  if (snapshot?.action !== 'add-snapshot' || properties?.action !== 'set-properties') return request
  const { 'snapshot-id': snapshotId, 'manifest-list': location, summary } = snapshot.snapshot
  if (base.snapshots.some((known) => known['snapshot-id'] === snapshotId)) return request
  const head = base.snapshots.find((s) => s['snapshot-id'] === base['current-snapshot-id'])
  const own = decodeManifestList(await store.get(location))
    .filter((manifest) => manifest.addedSnapshotId === snapshotId)
    .map((manifest) => ({
      ...manifest,
      sequenceNumber: UNASSIGNED_SEQUENCE,
      minSequenceNumber: UNASSIGNED_SEQUENCE,
      addedBytes: 0n,
      partitionKeys: [],
    }))
  const { operation: _operation, ...extras } = summary
  const manifestListLocation = `${location}-on-${base['current-snapshot-id']}.avro`
  const staged = stageAppend({
    base,
    snapshotId,
    manifests: own,
    parentManifests: head ? decodeManifestList(await store.get(head['manifest-list'])) : [],
    manifestListLocation,
    properties: properties.updates,
    summary: Object.fromEntries(Object.entries(extras).filter(([key]) => key.startsWith('frazil'))),
    now: snapshot.snapshot['timestamp-ms'],
  })
  await store.put(manifestListLocation, [staged.manifestList])
  return staged
}
