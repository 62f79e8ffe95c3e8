/**
 * How many entries go to the encoder at once, learnt from where it dies.
 *
 * A worker that runs out of memory or traps does not say over which entry. So the group is halved
 * until one entry is left; an entry over which it dies again and again, alone, is the cause.
 * Bounded by the logarithm of the group's size; knows nothing of the encoder itself.
 */

/** Entries in one commit, however small they are. */
export const GROUP_ENTRIES_MAX = 65_536
/** Times that the encoder may die over a single entry before the entry is set aside. */
export const ENCODER_DEATHS_MAX = 3

export type AfterDeath =
  | { readonly kind: 'try-smaller' }
  | { readonly kind: 'try-again' }
  | { readonly kind: 'set-aside'; readonly sequence: bigint }

export class GroupSize {
  #entriesMax = GROUP_ENTRIES_MAX
  #deaths = { sequence: -1n, count: 0 }

  get entriesMax(): number {
    return this.#entriesMax
  }

  /** A group of this size went through. */
  succeeded(): void {
    this.#entriesMax = Math.min(GROUP_ENTRIES_MAX, this.#entriesMax * 2)
  }

  encoderDied(sequences: readonly bigint[]): AfterDeath {
    const [sequence] = sequences
    if (sequence === undefined || sequences.length > 1) {
      this.#entriesMax = Math.max(1, Math.floor(sequences.length / 2))
      return { kind: 'try-smaller' }
    }
    const count = this.#deaths.sequence === sequence ? this.#deaths.count + 1 : 1
    this.#deaths = { sequence, count }
    return count < ENCODER_DEATHS_MAX ? { kind: 'try-again' } : { kind: 'set-aside', sequence }
  }
}
