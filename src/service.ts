/**
 * The composition root: builds every part from the configuration, in the order in which they need
 * each other, and takes them down in the opposite order. The two wings meet here and in the log,
 * and nowhere else: what the server may ask of the processor is handed over as functions.
 */

import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { openWal, type Wal } from '#wal'
import { schemaToIpc } from './arrow/schema-ipc.ts'
import type { Catalog } from './catalog/catalog.ts'
import { createMemoryCatalog } from './catalog/memory-catalog.ts'
import { openSqliteCatalog } from './catalog/sqlite-catalog.ts'
import type { Config } from './config/schema.ts'
import { ServiceError, unreachable } from './errors.ts'
import { createIngest } from './ingest/ingest.ts'
import { fromWalError } from './ingest/wal-errors.ts'
import { formatTable, type TableIdentifier } from './names.ts'
import { createWorkerEncoder } from './parquet/worker-encoder.ts'
import { createProcessor, type Processor } from './processor/processor.ts'
import type { FlushedTable } from './processor/status.ts'
import { systemClock } from './runtime/clock.ts'
import { randomIds, systemRandom } from './runtime/ids.ts'
import { createLogger, type Logger } from './runtime/logger.ts'
import { startFlightServer } from './server/flight/server.ts'
import type { FlightServices, FlushResult } from './server/flight/services.ts'
import { viewStatus } from './status-view.ts'
import { createFileStore } from './storage/file-store.ts'
import type { ObjectStore } from './storage/object-store.ts'

export interface Service {
  /** `host:port` of Flight. */
  readonly flight: string
  readonly warehouse: string
  readonly catalog: string
  /** Resolves with the reason when the service can no longer keep its promises and must end. */
  readonly failed: Promise<Error>
  /** Entries of the log that no table has yet; the next start goes on with them. */
  readonly waitingEntries: number
  /** Stops accepting, finishes acknowledgements, commits if configured, closes. Safe to call twice. */
  drain(): Promise<void>
}

/** @throws ServiceError when a part cannot start; what had started is closed again. */
export async function startService(config: Config): Promise<Service> {
  const logger = createLogger(config.logLevel)
  const closers: (() => Promise<void>)[] = []
  try {
    return await build(config, logger, closers)
  } catch (error) {
    for (const close of closers.reverse()) await close().catch(() => {})
    throw error
  }
}

async function build(
  config: Config,
  logger: Logger,
  closers: (() => Promise<void>)[],
): Promise<Service> {
  const places = resolvePlaces(config)
  await makeDirectory(places.data)

  const failure = Promise.withResolvers<Error>()
  const store = createFileStore()
  const wal = await openLog(config, places.wal, failure.resolve)
  closers.push(() => wal.close())
  const catalog = await openCatalog(config, places, store)
  closers.push(() => catalog.close())
  const encoder = createWorkerEncoder(config.parquet)
  closers.push(() => encoder.close())
  const processor = createProcessor({
    wal,
    catalog,
    store,
    encoder,
    clock: systemClock,
    ids: randomIds,
    logger: logger.child({ part: 'processor' }),
    config: { commit: config.commit, parquet: config.parquet },
  })
  processor.start()
  closers.push(() => processor.close({ commit: config.commit.onShutdown }))
  const ingest = createIngest({
    wal,
    refusal: (key) => processor.refusal(key),
    catalog,
    config: config.ingest,
    clock: systemClock,
    random: systemRandom,
    tableProperties: {
      'write.parquet.compression-codec': icebergCodec(config.parquet.compression),
    },
  })
  const server = await startFlightServer({
    services: flightServices({ ingest, catalog, wal, processor }),
    config: config.flight,
    logger: logger.child({ part: 'flight' }),
  })
  closers.push(() => server.drain())
  logger.info({ flight: server.address, log: wal.id, epoch: wal.epoch.toString() }, 'ready')

  let drained: Promise<void> | undefined
  return {
    flight: server.address,
    warehouse: places.warehouse,
    catalog: config.catalog.kind === 'sqlite' ? places.catalog : 'memory',
    failed: failure.promise,
    get waitingEntries() {
      return wal.stats().liveEntries
    },
    drain: () => (drained ??= closeAll(closers, logger)),
  }
}

/** Iceberg has one name for both framings of LZ4, and means the one that is not deprecated. */
function icebergCodec(compression: Config['parquet']['compression']): string {
  return compression === 'lz4_raw' ? 'lz4' : compression
}

/** Last built, first closed; one part that fails to close does not keep the others open. */
async function closeAll(closers: readonly (() => Promise<void>)[], logger: Logger): Promise<void> {
  for (const close of closers.toReversed()) {
    await close().catch((error: unknown) => logger.error({ err: error }, 'a part did not close'))
  }
}

async function makeDirectory(data: string): Promise<void> {
  try {
    await mkdir(data, { recursive: true })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ServiceError('invalid', `data ${data} cannot be a directory: ${reason}`, { cause })
  }
}

interface Places {
  readonly data: string
  readonly wal: string
  readonly catalog: string
  /** A `file:///` URI without a trailing slash. */
  readonly warehouse: string
}

function resolvePlaces(config: Config): Places {
  const data = path.resolve(config.data)
  const warehouse = config.warehouse ?? path.join(data, 'warehouse')
  const isUri = /^[a-z][a-z0-9+.-]*:\/\//i.test(warehouse)
  if (isUri && !warehouse.startsWith('file:///')) {
    throw new ServiceError('invalid', `warehouse ${warehouse} is not a directory or a file:/// URI`)
  }
  return {
    data,
    wal: path.resolve(config.wal.directory ?? path.join(data, 'wal')),
    catalog: path.resolve(config.catalog.path ?? path.join(data, 'catalog.db')),
    warehouse: (isUri ? warehouse : pathToFileURL(path.resolve(warehouse)).href).replace(
      /\/+$/,
      '',
    ),
  }
}

async function openLog(
  config: Config,
  directory: string,
  onPoison: (error: Error) => void,
): Promise<Wal> {
  const { directory: _, ...limits } = config.wal
  const now = () => systemClock.now()
  const newId = () => randomIds.ulid()
  try {
    return await openWal({ directory, limits, now, newId, onPoison })
  } catch (thrown) {
    throw fromWalError(thrown)
  }
}

async function openCatalog(
  { catalog: { kind } }: Config,
  places: Places,
  store: ObjectStore,
): Promise<Catalog> {
  const shared = { warehouse: places.warehouse, store, clock: systemClock, ids: randomIds }
  switch (kind) {
    case 'sqlite':
      return openSqliteCatalog({ path: places.catalog, ...shared })
    case 'memory':
      return createMemoryCatalog(shared)
    default:
      return unreachable(kind)
  }
}

interface Parts {
  readonly ingest: FlightServices['ingest']
  readonly catalog: Catalog
  readonly wal: Wal
  readonly processor: Processor
}

/** What the right wing may ask, for one tenant at a time. */
function flightServices({ ingest, catalog, wal, processor }: Parts): FlightServices {
  const isOf = (tenant: string, table: TableIdentifier | undefined) => {
    const wanted = table === undefined ? undefined : formatTable(table)
    return (key: { readonly table: TableIdentifier }) =>
      key.table.tenant === tenant && (wanted === undefined || formatTable(key.table) === wanted)
  }
  return {
    ingest,
    catalog,
    schemaToIpc,
    flush: async (tenant, table) => (await processor.flush(isOf(tenant, table))).map(flushResult),
    awaitCommitted: (key, sequence) => processor.awaitCommitted(key, sequence),
    status: (tenant) => viewStatus(tenant, wal.stats(), processor.status()),
  }
}

function flushResult(flushed: FlushedTable): FlushResult {
  const { table } = flushed
  return flushed.kind === 'failed'
    ? { table, error: flushed.reason }
    : { table, snapshotId: flushed.snapshotId }
}
