/**
 * A whole history of one log and two tables, from a seed: appends, lost and late answers, other
 * writers, expiry, schema changes, crashes, and outdated processes that go on.
 *
 * A crashed process hears no answer any more, and what it had sent stays under way. At the end the
 * faults stop, and the last process must bring every acknowledged entry into its table once.
 */
import type { Catalog, CommitRequest, LoadedTable } from '../../src/catalog/catalog.ts'
import { configSchema } from '../../src/config/schema.ts'
import type { ParquetEncoder } from '../../src/parquet/encoder.ts'
import { createProcessor, type Processor } from '../../src/processor/processor.ts'
import { parseWatermark, watermarkKey } from '../../src/processor/watermark.ts'
import type { Clock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { createMemoryStore } from '../../src/storage/memory-store.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { createFaultyStore } from './faulty-store.ts'
import { type CommitFault, FakeCatalog } from './processor-catalog.ts'
import { createFakeEncoder } from './processor-encoder.ts'
import { FakeLog, type FakeWal } from './processor-log.ts'
import { World } from './processor-world.ts'
import { storedTableFaults as faultsOf } from './stored-table.ts'

const APPENDS = 30
const STORM_MS = 400
const DRAIN_MS = 10_000
const COMMIT = { ageMs: 10, tickMs: 8, retryBaseMs: 5, retryCapMs: 60, rows: 5 }
const NAMES = ['a', 'b']

export interface SimulationResult {
  readonly lost: readonly bigint[]
  readonly duplicated: readonly bigint[]
  /** Entries that were fit to be committed and were set aside. */
  readonly wronglySetAside: readonly bigint[]
  /** What the reference implementation would refuse in the tables at the end. */
  readonly invalid: readonly string[]
  /** True when the last process did not come to an end. */
  readonly isStuck: boolean
  /** What happened how often. */
  readonly hits: Readonly<Record<string, number>>
  /** Equal for equal seeds. */
  readonly trace: string
}

/** What a control puts between a process and its catalog, to break a rule on purpose. */
export type Control = (parts: {
  readonly catalog: Catalog
  readonly truth: FakeCatalog
  readonly wal: FakeWal
  readonly store: ObjectStore
}) => Catalog

interface Incarnation {
  isAlive: boolean
  readonly wal: FakeWal
  readonly processor: Processor
}

export async function simulate(seed: number, control?: Control): Promise<SimulationResult> {
  const simulation = new Simulation(seed, control)
  return simulation.run()
}

class Simulation {
  readonly #world: World
  readonly #control: Control
  readonly #log = new FakeLog()
  readonly #store = createMemoryStore()
  readonly #catalog: FakeCatalog
  readonly #incarnations: Incarnation[] = []
  readonly #keys: ReadonlyMap<string, string>
  /** Per table: fit to be committed, and acknowledged. */
  readonly #acknowledged = new Map<string, bigint[]>()
  readonly #unfit = new Set<bigint>()
  readonly #hits: Record<string, number> = {}
  #isStormy = true

  constructor(seed: number, control: Control = ({ catalog }) => catalog) {
    this.#world = new World(seed)
    this.#control = control
    this.#catalog = new FakeCatalog(this.#world, this.#store)
    this.#keys = new Map(NAMES.map((name) => [name, this.#catalog.create(name)]))
    for (const name of NAMES) this.#acknowledged.set(name, [])
  }

  async run(): Promise<SimulationResult> {
    this.#open()
    this.#schedule()
    await this.#world.pass(STORM_MS)
    this.#isStormy = false
    if (!this.#last().isAlive) this.#open()
    const isStuck = !(await this.#drained())
    // What is still under way lands now.
    await this.#world.pass(500)
    return this.#judge(isStuck)
  }

  #schedule(): void {
    const world = this.#world
    for (let i = 0; i < APPENDS; i += 1) {
      world.at(world.random() * STORM_MS * 0.8, () => this.#append())
    }
    for (let i = world.between(1, 5); i > 0; i -= 1) {
      world.at(world.random() * STORM_MS, () => this.#replace())
    }
    for (let i = world.between(0, 4); i > 0; i -= 1) {
      world.at(world.random() * STORM_MS, () => this.#meddle())
    }
  }

  #append(): void {
    const { wal, isAlive } = this.#last()
    if (!isAlive) return
    const name = this.#world.chance(0.75) ? 'a' : 'b'
    const key = this.#keys.get(name) ?? ''
    const drawn = this.#world.random()
    const text = drawn < 0.03 ? 'poison' : drawn < 0.05 ? 'deadly' : ''
    const rows = drawn > 0.96 ? 0 : 1
    const sequence = wal.add(key, rows, text)
    if (text !== '') this.#unfit.add(sequence)
    else if (rows > 0) this.#acknowledged.get(name)?.push(sequence)
    if (drawn > 0.93 && drawn < 0.94) {
      this.#hit('damage')
      this.#unfit.add(sequence)
      this.#acknowledged.get(name)?.pop()
      wal.damage(key, sequence)
    }
  }

  /** A new process takes the log; the ones before it are dead, or do not know that they should be. */
  #replace(): void {
    for (const incarnation of this.#incarnations) {
      if (!incarnation.isAlive) continue
      if (this.#world.chance(0.7)) {
        incarnation.isAlive = false
        this.#hit('crash')
      } else this.#hit('zombie')
    }
    this.#open()
  }

  #meddle(): void {
    const name = this.#world.chance(0.75) ? 'a' : 'b'
    const drawn = this.#world.random()
    if (drawn < 0.5) {
      this.#hit('foreign commit')
      void this.#catalog.foreignAppend(name)
    } else if (drawn < 0.8) {
      this.#hit('expire')
      this.#catalog.expire(name)
    } else {
      this.#hit('schema change')
      const base = this.#catalog.table(name)
      const id = base['last-column-id'] + 1
      const fields = [
        ...(base.schemas.at(-1)?.fields ?? []),
        { id, name: `column${id}`, required: false, type: 'string' as const },
      ]
      this.#catalog.change(name, [
        { action: 'add-schema', schema: { type: 'struct', 'schema-id': -1, fields } },
        { action: 'set-current-schema', 'schema-id': -1 },
      ])
    }
  }

  #open(): void {
    const world = this.#world
    const wal = this.#log.open(() => world.clock().now())
    const life: { isAlive: boolean } = { isAlive: true }
    const store = mortal(this.#faultyStore(), life)
    const catalog = this.#counted(this.#catalogPort(), wal)
    const processor = createProcessor({
      wal,
      store,
      catalog: mortal(this.#control({ catalog, truth: this.#catalog, wal, store }), life),
      encoder: mortal<ParquetEncoder>(
        createFakeEncoder(() => world.delay(world.between(2, 10))),
        life,
      ),
      clock: mortalClock(world.clock(), life),
      ids: world.ids,
      logger: silentLogger,
      config: configSchema.parse({ commit: COMMIT }),
    })
    processor.start()
    this.#incarnations.push(Object.assign(life, { wal, processor }))
  }

  #faultyStore(): ObjectStore {
    const random = () => (this.#isStormy ? this.#world.random() : 1)
    return createFaultyStore(this.#store, {
      random,
      operations: ['put', 'get'],
      before: 0.02,
      after: 0.02,
    })
  }

  #catalogPort(): Catalog {
    const world = this.#world
    return this.#catalog.port({
      latencyMs: () => 1 + world.random() * 4,
      lateByMs: () => 5 + world.random() * 80,
      failsLoad: () => this.#isStormy && world.chance(0.08) && this.#hit('load failed'),
      commitFault: ({ name }) => {
        if (!this.#isStormy) return undefined
        if (world.chance(0.05)) void this.#catalog.foreignAppend(name)
        const fault = faultFor(world.random())
        if (fault) this.#hit(`commit ${fault}`)
        return fault
      },
    })
  }

  /** Sees what each load tells of the entries that still wait. */
  #counted(catalog: Catalog, wal: FakeWal): Catalog {
    const property = watermarkKey(wal.id)
    return {
      ...catalog,
      loadTable: async (identifier) => {
        const loaded = await catalog.loadTable(identifier)
        const sequence = watermarkOf(loaded, property)
        const live = wal.keys().find(({ key }) => key === this.#keys.get(identifier.name))
        if (live?.firstSequence !== undefined && sequence >= live.firstSequence) {
          this.#hit(sequence >= live.lastSequence ? 'found whole' : 'found in part')
        }
        return loaded
      },
      commitTable: async (identifier, request) => {
        const outcome = await catalog.commitTable(identifier, request)
        this.#hit(`answered ${outcome.kind}`)
        const isOurs = this.#catalog.table(identifier.name).snapshots.some(isAddedBy(request))
        if (outcome.kind === 'conflict' && isOurs) this.#hit('conflict with itself')
        return outcome
      },
    }
  }

  #last(): Incarnation {
    const last = this.#incarnations.at(-1)
    if (last === undefined) throw new Error('nothing was opened')
    return last
  }

  async #drained(): Promise<boolean> {
    const { wal } = this.#last()
    try {
      await this.#world.until(() => wal.keys().every(({ entries }) => entries === 0), DRAIN_MS)
      return true
    } catch {
      return false
    }
  }

  async #judge(isStuck: boolean): Promise<SimulationResult> {
    const lost: bigint[] = []
    const duplicated: bigint[] = []
    const invalid: string[] = []
    const trace: string[] = [this.#world.now.toFixed(3)]
    for (const name of NAMES) {
      invalid.push(...(await faultsOf(this.#catalog.table(name), this.#store)))
      const sequences = await this.#catalog.sequences(name)
      const counts = Map.groupBy(sequences, (sequence) => sequence)
      const acknowledged = this.#acknowledged.get(name) ?? []
      lost.push(...acknowledged.filter((sequence) => !counts.has(sequence)))
      for (const [sequence, found] of counts) if (found.length > 1) duplicated.push(sequence)
      trace.push(sequences.join(), String(this.#catalog.table(name)['last-sequence-number']))
    }
    for (const { processor } of this.#incarnations) {
      for (const { state, counters } of processor.status()) {
        if (state.kind === 'stopped') this.#hit(`stopped ${state.cause}`)
        if (counters.rewritten > 0) this.#hit('rewritten')
        if (counters.quarantined > 0) this.#hit('quarantined')
      }
    }
    const setAside = this.#last()
      .wal.stats()
      .quarantined.map(({ sequence }) => sequence)
    const wronglySetAside = setAside.filter((sequence) => !this.#unfit.has(sequence))
    return {
      lost,
      duplicated,
      wronglySetAside,
      invalid,
      isStuck,
      hits: this.#hits,
      trace: trace.join('|'),
    }
  }

  #hit(what: string): true {
    this.#hits[what] = (this.#hits[what] ?? 0) + 1
    return true
  }
}

function faultFor(drawn: number): CommitFault | undefined {
  if (drawn < 0.1) return 'before'
  if (drawn < 0.22) return 'after'
  if (drawn < 0.38) return 'late'
  if (drawn < 0.4) return 'rejected'
  return drawn < 0.42 ? 'throws' : undefined
}

function watermarkOf({ metadata }: LoadedTable, property: string): bigint {
  return parseWatermark(metadata.properties[property] ?? '')?.sequence ?? 0n
}

function isAddedBy({ updates }: CommitRequest) {
  const added = updates.find((update) => update.action === 'add-snapshot')?.snapshot
  return (snapshot: { readonly 'snapshot-id': bigint }) =>
    snapshot['snapshot-id'] === added?.['snapshot-id']
}

/** Of a dead process no call begins and none comes back; what it had begun takes its course. */
function mortal<Port extends object>(port: Port, life: { readonly isAlive: boolean }): Port {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return async (...given: unknown[]) => {
        if (!life.isAlive) return never()
        try {
          const result: unknown = await Reflect.apply(member, target, given)
          return life.isAlive ? result : await never()
        } catch (error) {
          if (!life.isAlive) return never()
          throw error
        }
      }
    },
  })
}

function mortalClock(clock: Clock, life: { readonly isAlive: boolean }): Clock {
  return {
    ...clock,
    sleep: async (ms, signal) => {
      await clock.sleep(ms, signal)
      if (!life.isAlive) await never()
    },
  }
}

function never(): Promise<never> {
  return new Promise(() => {})
}
