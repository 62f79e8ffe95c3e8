/**
 * Virtual time and seeded chance for the processor's tests: nothing happens unless the world turns.
 *
 * Everything that takes time is an event; events run in the order of their time and then of a drawn
 * number, so that a run is its seed. Microtasks are drained between events.
 */
import type { Clock } from '../../src/runtime/clock.ts'
import type { Ids } from '../../src/runtime/ids.ts'
import { seededRandom } from './faulty-store.ts'

interface Event {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

export class World {
  readonly ids: Ids
  readonly #random: () => number
  #now = 0
  #counter = 0
  #events: Event[] = []

  constructor(seed = 1) {
    this.#random = seededRandom(seed)
    const hex = () =>
      Math.floor(this.random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0')
    this.ids = {
      ulid: () => `01J${String((this.#counter += 1)).padStart(23, '0')}`,
      uuid: () => `${hex()}-0000-4000-8000-${String((this.#counter += 1)).padStart(12, '0')}`,
      snapshotId: () => BigInt(Math.floor(this.random() * 2 ** 53)) || 1n,
    }
  }

  /** Milliseconds since this world began. */
  get now(): number {
    return this.#now
  }

  random(): number {
    return this.#random()
  }

  chance(probability: number): boolean {
    return this.random() < probability
  }

  between(min: number, max: number): number {
    return min + Math.floor(this.random() * (max - min + 1))
  }

  at(delayMs: number, run: () => void): Event {
    const event = { at: this.#now + delayMs, order: this.random(), run }
    const index = this.#events.findIndex((other) => isBefore(event, other))
    this.#events.splice(index < 0 ? this.#events.length : index, 0, event)
    return event
  }

  delay(ms: number): Promise<void> {
    return new Promise((resolve) => void this.at(ms, resolve))
  }

  /** A clock of this world; `wall` shifts what it shows, for clocks that step. */
  clock(wall: () => number = () => 0): Clock {
    return {
      now: () => EPOCH + Math.floor(this.#now) + wall(),
      monotonic: () => this.#now,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted) return resolve()
          const finish = () => {
            this.#events = this.#events.filter((other) => other !== event)
            signal?.removeEventListener('abort', finish)
            resolve()
          }
          const event = this.at(ms, finish)
          signal?.addEventListener('abort', finish, { once: true })
        }),
    }
  }

  /** Turns until the condition holds. Throws when it does not within so much virtual time. */
  async until(condition: () => boolean, withinMs = 600_000): Promise<void> {
    const limit = this.#now + withinMs
    await drain()
    while (!condition()) {
      const next = this.#events.shift()
      if (next === undefined || next.at > limit) {
        throw new Error(`what was awaited did not happen within ${withinMs} ms of virtual time`)
      }
      this.#now = next.at
      next.run()
      await drain()
    }
  }

  /** Turns until the promise has settled, and gives its value. */
  async settled<T>(promise: Promise<T>, withinMs?: number): Promise<T> {
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    promise.then(settle, settle)
    await this.until(() => isSettled, withinMs)
    return promise
  }

  async pass(ms: number): Promise<void> {
    let isOver = false
    this.at(ms, () => {
      isOver = true
    })
    await this.until(() => isOver, ms + 1)
  }
}

export const EPOCH = 1_800_000_000_000

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

function drain(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
