/**
 * The messages of one streaming call, one at a time, until someone ends it.
 *
 * Unlike `for await`, leaving early does not destroy the call: acknowledgements and a status can
 * still be written. Four things end it: the client's half-close, the client going away, a stop from
 * our side, and never a message that was not asked for.
 */
import type { Readable } from 'node:stream'

export type Next<T> =
  | { readonly kind: 'message'; readonly message: T }
  | { readonly kind: 'half-closed' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'stopped' }

export class MessageReader<T> {
  readonly #source: Readable
  #end: 'half-closed' | 'gone' | 'stopped' | undefined
  #wake: (() => void) | undefined
  readonly #whenCut = Promise.withResolvers<void>()

  constructor(source: Readable) {
    this.#source = source
    source.on('readable', () => this.#wake?.())
    source.on('end', () => this.#finish('half-closed'))
    source.on('cancelled', () => this.#finish('gone'))
    source.on('close', () => this.#finish('gone'))
  }

  /** Whether the client is known to be away, before or after its half-close. */
  get isGone(): boolean {
    return this.#source.destroyed
  }

  /** Resolves when the client goes away or {@link stop} is called, also after the half-close. */
  get whenCut(): Promise<void> {
    return this.#whenCut.promise
  }

  async next(): Promise<Next<T>> {
    for (;;) {
      if (this.#end !== undefined) return { kind: this.#end }
      const message = this.#source.read() as T | null
      if (message !== null) return { kind: 'message', message }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** No further message is given out, though there may be some. */
  stop(): void {
    this.#finish('stopped')
    this.#whenCut.resolve()
  }

  #finish(end: 'half-closed' | 'gone' | 'stopped'): void {
    if (end === 'gone') this.#whenCut.resolve()
    this.#end ??= end
    this.#wake?.()
  }
}
