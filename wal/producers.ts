/**
 * What each producer sent last, per key: how a retry is recognised.
 *
 * Promises: a number at or below the last is a duplicate, the next one is accepted, any other is a
 * gap. Holds at most `producersMax`; beyond it the one unused longest is forgotten.
 * Does not know: what is still on its way to the disk (`group-commit.ts` does).
 */
import type { ProducerRecord } from './control.ts'

/** Of so many numbers back the log sequence is still known. */
export const PRODUCER_WINDOW = 16

interface ProducerState {
  readonly key: string
  readonly id: string
  last: bigint
  readonly sequences: bigint[]
}

export class ProducerTable {
  readonly #producersMax: number
  /** Least recently used first. */
  readonly #states = new Map<string, ProducerState>()

  constructor(producersMax: number) {
    this.#producersMax = producersMax
  }

  get size(): number {
    return this.#states.size
  }

  /** -1n when nothing is known of it. */
  last(key: string, id: string): bigint {
    return this.#states.get(stateName(key, id))?.last ?? -1n
  }

  /** The log sequence of a number at or below the last; 0n when it is too long ago. */
  sequenceOf(key: string, producer: { readonly id: string; readonly sequence: bigint }): bigint {
    const state = this.#states.get(stateName(key, producer.id))
    if (!state) return 0n
    const back = Number(state.last - producer.sequence)
    return state.sequences.at(-1 - back) ?? 0n
  }

  record(
    key: string,
    producer: { readonly id: string; readonly sequence: bigint },
    sequence: bigint,
  ): void {
    const name = stateName(key, producer.id)
    const state = this.#states.get(name) ?? { key, id: producer.id, last: -1n, sequences: [] }
    state.last = producer.sequence
    state.sequences.push(sequence)
    if (state.sequences.length > PRODUCER_WINDOW) state.sequences.shift()
    this.#put(name, state)
  }

  restore({ key, id, last, sequences }: ProducerRecord): void {
    this.#put(stateName(key, id), { key, id, last, sequences: [...sequences] })
  }

  records(): ProducerRecord[] {
    return [...this.#states.values()]
  }

  #put(name: string, state: ProducerState): void {
    this.#states.delete(name)
    this.#states.set(name, state)
    if (this.#states.size <= this.#producersMax) return
    for (const oldest of this.#states.keys()) {
      this.#states.delete(oldest)
      break
    }
  }
}

/** The key's length keeps two pairs of texts apart whose joins are equal. */
export function stateName(key: string, id: string): string {
  return `${key.length}:${key}${id}`
}
