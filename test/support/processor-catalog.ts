/**
 * A catalog in memory whose answers get lost, for the processor's tests.
 *
 * The state is one and linear, and is changed by the specification's own rules; what goes wrong is
 * between it and its callers. `port()` gives a caller its connection, with the faults that it asks
 * for. A request that is under way stays under way when its caller is gone.
 */
import type {
  Catalog,
  CommitOutcome,
  CommitRequest,
  LoadedTable,
} from '../../src/catalog/catalog.ts'
import { formatKey } from '../../src/entry.ts'
import { ServiceError, unreachable } from '../../src/errors.ts'
import { prepareManifest, stageAppend } from '../../src/iceberg/append.ts'
import { decodeManifest } from '../../src/iceberg/manifest.ts'
import { decodeManifestList } from '../../src/iceberg/manifest-list.ts'
import { createTableMetadata } from '../../src/iceberg/metadata-create.ts'
import { applyUpdates, checkRequirements, isStale } from '../../src/iceberg/metadata-update.ts'
import { defaultSpec } from '../../src/iceberg/partition.ts'
import { currentSchema } from '../../src/iceberg/schema.ts'
import type { DataFile, Schema, TableMetadata } from '../../src/iceberg/types.ts'
import type { TableUpdate } from '../../src/iceberg/updates.ts'
import { formatTable, type TableIdentifier } from '../../src/names.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { sequencesIn } from './processor-encoder.ts'
import type { World } from './processor-world.ts'

/**
 * `before`: lost on the way there. `after`: applied, and the answer is lost. `late`: the caller
 * gives up, and it is applied after that.
 */
export type CommitFault = 'before' | 'after' | 'late' | 'rejected' | 'throws'

export interface Behaviour {
  readonly latencyMs?: () => number
  /** True: this load fails. */
  readonly failsLoad?: (identifier: TableIdentifier) => boolean
  readonly commitFault?: (
    identifier: TableIdentifier,
    request: CommitRequest,
  ) => CommitFault | undefined
  readonly lateByMs?: () => number
}

const SCHEMA: Schema = {
  type: 'struct',
  'schema-id': 0,
  fields: [{ id: 1, name: 'value', required: false, type: 'long' }],
}

export class FakeCatalog {
  readonly commits: { readonly request: CommitRequest; readonly outcome: CommitOutcome }[] = []
  loads = 0
  readonly #world: World
  readonly #store: ObjectStore
  readonly #tables = new Map<string, LoadedTable>()

  constructor(world: World, store: ObjectStore) {
    this.#world = world
    this.#store = store
  }

  /** Returns the log key of the new table. */
  create(name: string, formatVersion: 2 | 3 = 2): string {
    const identifier = identifierOf(name)
    const metadata = createTableMetadata({
      schema: SCHEMA,
      location: `memory:///warehouse/default/default/${name}`,
      uuid: this.#world.ids.uuid(),
      now: this.#now(),
      formatVersion,
    })
    this.#put(identifier, metadata)
    return formatKey({ table: identifier, tableUuid: metadata['table-uuid'] })
  }

  drop(name: string): void {
    this.#tables.delete(formatTable(identifierOf(name)))
  }

  table(name: string): TableMetadata {
    return this.#load(identifierOf(name)).metadata
  }

  /** What another program does to the table. */
  change(name: string, updates: readonly TableUpdate[]): void {
    const identifier = identifierOf(name)
    const { metadata, metadataLocation } = this.#load(identifier)
    const context = { now: this.#now(), previousLocation: metadataLocation }
    this.#put(identifier, applyUpdates(metadata, updates, context))
  }

  /** Puts a table back to what it was. */
  restore(name: string, metadata: TableMetadata): void {
    this.#put(identifierOf(name), metadata)
  }

  /** Another writer appends a file. */
  async foreignAppend(name: string): Promise<void> {
    const { ids } = this.#world
    const base = this.table(name)
    const snapshotId = ids.snapshotId()
    const filePath = `${base.location}/data/foreign-${snapshotId}.parquet`
    await this.#store.put(filePath, [new TextEncoder().encode('[]')])
    const location = `${base.location}/metadata/${ids.uuid()}-m0.avro`
    const { bytes, manifest } = prepareManifest({
      schema: currentSchema(base),
      spec: defaultSpec(base),
      formatVersion: base['format-version'],
      snapshotId,
      dataFiles: [{ ...FOREIGN_FILE, filePath }],
      location,
    })
    await this.#store.put(location, [bytes])
    const manifestListLocation = `${base.location}/metadata/snap-${snapshotId}.avro`
    const staged = stageAppend({
      base,
      snapshotId,
      manifests: [manifest],
      parentManifests: await this.#manifests(base),
      manifestListLocation,
      properties: {},
      summary: {},
      now: this.#now(),
    })
    await this.#store.put(manifestListLocation, [staged.manifestList])
    this.apply(identifierOf(name), staged)
  }

  /** Removes every snapshot but the current one. */
  expire(name: string): void {
    const metadata = this.table(name)
    const expired = metadata.snapshots
      .map((snapshot) => snapshot['snapshot-id'])
      .filter((id) => id !== metadata['current-snapshot-id'])
    if (expired.length === 0) return
    this.change(name, [{ action: 'remove-snapshots', 'snapshot-ids': expired }])
  }

  /** The commit itself, in one piece. */
  apply(identifier: TableIdentifier, request: CommitRequest): CommitOutcome {
    const loaded = this.#tables.get(formatTable(identifier))
    const reason = checkRequirements(loaded?.metadata, request.requirements)
    if (loaded === undefined) return { kind: 'rejected', reason: 'no such table' }
    if (reason !== undefined) return { kind: 'conflict', reason }
    try {
      const { metadata, metadataLocation } = loaded
      const context = { now: this.#now(), previousLocation: metadataLocation }
      const next = applyUpdates(metadata, request.updates, context)
      return { kind: 'committed', table: this.#put(identifier, next) }
    } catch (error) {
      const reason = (error as Error).message
      return isStale(error) ? { kind: 'conflict', reason } : { kind: 'rejected', reason }
    }
  }

  /** Every log sequence that the table's current snapshot reads, as often as it reads it. */
  async sequences(name: string): Promise<bigint[]> {
    const sequences: bigint[] = []
    for (const file of await this.dataFiles(name)) {
      sequences.push(...sequencesIn(await this.#store.get(file.filePath)))
    }
    return sequences.toSorted((a, b) => (a < b ? -1 : 1))
  }

  async dataFiles(name: string): Promise<DataFile[]> {
    const files: DataFile[] = []
    for (const manifest of await this.#manifests(this.table(name))) {
      const { entries } = decodeManifest(await this.#store.get(manifest.manifestPath))
      files.push(...entries.map(({ dataFile }) => dataFile))
    }
    return files
  }

  port(behaviour: Behaviour = {}): Catalog {
    const world = this.#world
    const latency = () => world.delay(behaviour.latencyMs?.() ?? 1)
    const unsupported = () => Promise.reject(new ServiceError('unsupported', 'not here'))
    return {
      loadTable: async (identifier) => {
        this.loads += 1
        const fails = behaviour.failsLoad?.(identifier) ?? false
        await latency()
        if (fails) throw new ServiceError('unavailable', 'the catalog does not answer')
        const loaded = this.#load(identifier)
        await latency()
        return loaded
      },
      commitTable: async (identifier, request) => {
        const fault = behaviour.commitFault?.(identifier, request)
        await latency()
        const outcome = await this.#faulty(fault, () => this.apply(identifier, request), behaviour)
        this.commits.push({ request, outcome })
        await latency()
        return outcome
      },
      listNamespaces: unsupported,
      createNamespace: unsupported,
      listTables: unsupported,
      createTable: unsupported,
      dropTable: unsupported,
      close: async () => {},
    }
  }

  async #faulty(
    fault: CommitFault | undefined,
    apply: () => CommitOutcome,
    { lateByMs = () => 50 }: Behaviour,
  ): Promise<CommitOutcome> {
    switch (fault) {
      case undefined:
        return apply()
      case 'before':
        return { kind: 'unknown', cause: new Error('connection reset') }
      case 'after':
        apply()
        return { kind: 'unknown', cause: new Error('gateway timeout') }
      case 'late':
        this.#world.at(lateByMs(), () => void apply())
        return { kind: 'unknown', cause: new Error('timeout') }
      case 'rejected':
        return { kind: 'rejected', reason: 'not allowed' }
      case 'throws':
        throw new Error('the catalog threw')
      default:
        return unreachable(fault)
    }
  }

  async #manifests(metadata: TableMetadata) {
    const head = metadata.snapshots.find(
      (snapshot) => snapshot['snapshot-id'] === metadata['current-snapshot-id'],
    )
    return head ? decodeManifestList(await this.#store.get(head['manifest-list'])) : []
  }

  #load(identifier: TableIdentifier): LoadedTable {
    const loaded = this.#tables.get(formatTable(identifier))
    if (loaded) return loaded
    throw new ServiceError('not-found', `no table ${formatTable(identifier)}`)
  }

  #put(identifier: TableIdentifier, metadata: TableMetadata): LoadedTable {
    const metadataLocation = `${metadata.location}/metadata/${this.#world.ids.uuid()}.metadata.json`
    const loaded = { identifier, metadata, metadataLocation }
    this.#tables.set(formatTable(identifier), loaded)
    return loaded
  }

  #now(): number {
    return this.#world.clock().now()
  }
}

export function identifierOf(name: string): TableIdentifier {
  return { tenant: 'default', namespace: ['default'], name }
}

const FOREIGN_FILE = {
  partition: [],
  recordCount: 1n,
  fileSizeInBytes: 2n,
  columnSizes: new Map(),
  valueCounts: new Map(),
  nullValueCounts: new Map(),
  nanValueCounts: new Map(),
  lowerBounds: new Map(),
  upperBounds: new Map(),
  splitOffsets: [],
  sortOrderId: undefined,
}
