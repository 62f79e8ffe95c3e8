/**
 * An object store that fails on purpose: before the effect, after it, or late. It wraps any store.
 *
 * Every choice comes from the `random` that is handed in, so a run is its seed. With no rates and
 * no plan it is transparent, and passes the store's contract.
 */
import { ServiceError } from '../../src/errors.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'

export type StoreOperation = 'put' | 'get' | 'head' | 'list' | 'delete'
/** `before`: nothing happened. `after`: it happened, and the answer was lost. */
export type StoreFault = 'before' | 'after' | 'delay'

export interface StoreFaults {
  /** Uniform in [0, 1); {@link seededRandom} makes one. */
  readonly random: () => number
  /** Chance of each fault at each call. Together at most 1. */
  readonly before?: number
  readonly after?: number
  readonly delay?: number
  /** What happens at the n-th call, counted from 1; it goes before chance. */
  readonly plan?: ReadonlyMap<number, StoreFault>
  /** Only these fail and count. Default: all. */
  readonly operations?: readonly StoreOperation[]
  /** How a delay passes. Default: a few turns of the event loop, drawn from `random`. */
  readonly sleep?: () => Promise<void>
}

export interface FaultyStore extends ObjectStore {
  /** Calls so far of the operations that may fail. */
  readonly calls: number
  /** No more faults. */
  heal(): void
}

export function createFaultyStore(store: ObjectStore, faults: StoreFaults): FaultyStore {
  let calls = 0
  let isHealed = false

  async function faulty<T>(operation: StoreOperation, effect: () => Promise<T>): Promise<T> {
    const fault = choose(operation)
    if (fault === 'before') throw lost(operation, 'before')
    if (fault === 'delay') await (faults.sleep ?? turns)()
    const result = await effect()
    if (fault === 'after') throw lost(operation, 'after')
    return result
  }

  function choose(operation: StoreOperation): StoreFault | undefined {
    if (faults.operations && !faults.operations.includes(operation)) return undefined
    calls += 1
    if (isHealed) return undefined
    const planned = faults.plan?.get(calls)
    if (planned) return planned
    const { before = 0, after = 0, delay = 0 } = faults
    const drawn = faults.random()
    if (drawn < before) return 'before'
    if (drawn < before + after) return 'after'
    return drawn < before + after + delay ? 'delay' : undefined
  }

  async function turns(): Promise<void> {
    const count = 1 + Math.floor(faults.random() * 5)
    for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve))
  }

  return {
    get calls() {
      return calls
    },
    heal: () => {
      isHealed = true
    },
    put: (location, parts, options) => faulty('put', () => store.put(location, parts, options)),
    get: (location, range) => faulty('get', () => store.get(location, range)),
    head: (location) => faulty('head', () => store.head(location)),
    async *list(prefix) {
      // A list is read bit by bit: `after` breaks off at its end, when all was seen.
      const fault = choose('list')
      if (fault === 'before') throw lost('list', 'before')
      if (fault === 'delay') await (faults.sleep ?? turns)()
      yield* store.list(prefix)
      if (fault === 'after') throw lost('list', 'after')
    },
    delete: (location) => faulty('delete', () => store.delete(location)),
  }
}

/** A small seeded generator (mulberry32): the same seed, the same numbers in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function lost(operation: StoreOperation, when: string): ServiceError {
  return new ServiceError('unavailable', `injected: ${operation} failed ${when} its effect`)
}
