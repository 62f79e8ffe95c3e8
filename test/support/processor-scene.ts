/** A processor with everything around it in memory and in virtual time. */
import { type ConfigInput, configSchema } from '../../src/config/schema.ts'
import { createProcessor, type Processor } from '../../src/processor/processor.ts'
import type { TableStatus } from '../../src/processor/status.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { createMemoryStore } from '../../src/storage/memory-store.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { type Behaviour, FakeCatalog } from './processor-catalog.ts'
import { createFakeEncoder, type FakeEncoder } from './processor-encoder.ts'
import { FakeLog, type FakeWal } from './processor-log.ts'
import { World } from './processor-world.ts'

export interface SceneOptions {
  readonly seed?: number
  readonly commit?: ConfigInput['commit']
  readonly behaviour?: Behaviour
  /** Puts something between the processor and its store. */
  readonly wrapStore?: (store: ObjectStore) => ObjectStore
}

export class Scene {
  readonly world: World
  readonly log = new FakeLog()
  readonly catalog: FakeCatalog
  readonly encoder: FakeEncoder
  /** Of the latest opening. */
  wal: FakeWal
  processor: Processor
  readonly #store: ObjectStore
  readonly #options: SceneOptions

  constructor(options: SceneOptions = {}) {
    this.#options = options
    this.world = new World(options.seed)
    this.#store = createMemoryStore()
    this.catalog = new FakeCatalog(this.world, this.#store)
    this.encoder = createFakeEncoder(() => this.world.delay(2))
    this.wal = this.#open(this.log)
    this.processor = this.start(this.wal)
  }

  /** The log is opened again, as after a crash; what ran before goes on unless it was closed. */
  restart(): void {
    this.wal = this.#open(this.log)
    this.processor = this.start(this.wal)
  }

  /** Another processor, on any log. */
  start(wal: FakeWal, behaviour = this.#options.behaviour): Processor {
    const { wrapStore = (store: ObjectStore) => store, commit = {} } = this.#options
    const processor = createProcessor({
      wal,
      catalog: this.catalog.port(behaviour),
      store: wrapStore(this.#store),
      encoder: this.encoder,
      clock: this.world.clock(),
      ids: this.world.ids,
      logger: silentLogger,
      config: configSchema.parse({ commit }),
    })
    processor.start()
    return processor
  }

  openCopyOf(log: FakeLog): FakeWal {
    return this.#open(log.copy())
  }

  add(key: string, count: number, text = ''): bigint[] {
    return Array.from({ length: count }, () => this.wal.add(key, 1, text))
  }

  status(key: string): TableStatus {
    const status = this.processor.status().find((other) => other.key === key)
    if (status === undefined) throw new Error(`no status of ${key}`)
    return status
  }

  pending(key: string): number {
    return this.status(key).pendingEntries
  }

  /** Turns the world until nothing of the table waits in the log. */
  committed(key: string, withinMs?: number): Promise<void> {
    return this.world.until(() => this.pending(key) === 0, withinMs)
  }

  #open(log: FakeLog): FakeWal {
    const { world } = this
    return log.open(() => world.clock().now())
  }
}
