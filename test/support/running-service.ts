/** A whole service in this process, on a free loopback port and a folder of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connect, type FrazilClient } from '../../src/client/index.ts'
import { type ConfigInput, configSchema } from '../../src/config/schema.ts'
import { type Service, startService } from '../../src/service.ts'
import { type IndependentTable, metadataLocation, readTable } from './independent-reader.ts'
import { assertCatalogValid } from './metadata-checker.ts'

export interface RunningService {
  readonly service: Service
  readonly client: FrazilClient
  readonly data: string
  /** What a reader that is not ours finds in a table. */
  read(table: string): Promise<IndependentTable>
  /** Drains and starts again on the same data. */
  restart(config?: ConfigInput): Promise<RunningService>
  /** Drains, judges every table, and removes the data. @throws Error that lists what is not valid. */
  stop(): Promise<void>
}

/** Commits only when asked: tests decide when. */
const QUIET: ConfigInput = {
  logLevel: 'silent',
  flight: { port: 0, drainMs: 2_000 },
  commit: { ageMs: 3_600_000, tickMs: 10 },
  wal: { segmentBytes: '1MiB', diskReserveBytes: 0 },
}

export async function runService(config: ConfigInput = {}): Promise<RunningService> {
  const data = await mkdtemp(path.join(tmpdir(), 'frazil-test-'))
  return open(data, config)
}

async function open(data: string, config: ConfigInput): Promise<RunningService> {
  const merged = {
    ...QUIET,
    ...config,
    data,
    flight: { ...QUIET.flight, ...config.flight },
    commit: { ...QUIET.commit, ...config.commit },
    wal: { ...QUIET.wal, ...config.wal },
  }
  const service = await startService(configSchema.parse(merged))
  const client = connect(service.flight, { retryMsMax: 5_000 })
  const close = async () => {
    client.close()
    await service.drain()
  }
  return {
    service,
    client,
    data,
    read: async (table) => {
      const location = metadataLocation(path.join(data, 'catalog.db'), table)
      if (location === undefined) throw new Error(`there is no table ${table}`)
      return readTable(location)
    },
    restart: async (next = config) => {
      await close()
      return open(data, next)
    },
    stop: async () => {
      await close()
      try {
        await assertCatalogValid(path.join(data, 'catalog.db'))
      } finally {
        await rm(data, { recursive: true, force: true })
      }
    },
  }
}
