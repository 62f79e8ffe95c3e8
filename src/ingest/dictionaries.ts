/**
 * The dictionary messages that a reader of the next batch needs, in the order in which it needs
 * them: for each id the last whole dictionary and the deltas after it.
 */
import type { Definition } from '#wal'
import { definitionId, encodeMessage, type Message } from '../entry.ts'

interface Kept {
  readonly id: bigint
  readonly definition: Definition
}

export class DictionaryState {
  #kept: readonly Kept[] = []

  /** Remembers one verified dictionary message; a whole one replaces what came before of its id. */
  add(id: bigint, isDelta: boolean, message: Message): void {
    const parts = encodeMessage(message, 0)
    const earlier = isDelta ? this.#kept : this.#kept.filter((kept) => kept.id !== id)
    this.#kept = [...earlier, { id, definition: { id: definitionId(parts), parts } }]
  }

  definitions(): readonly Definition[] {
    return this.#kept.map(({ definition }) => definition)
  }
}
