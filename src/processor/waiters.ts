/**
 * Callers who wait for a sequence of one table to be committed.
 *
 * Two sorts: the patient wait through outages until the entry is in the table or never will be;
 * the others (a flush) want to hear of the first failure. Bounded; knows nothing of commits.
 */
import { ServiceError } from '../errors.ts'

/** Callers per table. Beyond it a caller is refused, and nothing else changes. */
export const WAITERS_MAX = 10_000

interface Waiter {
  readonly sequence: bigint
  readonly isPatient: boolean
  readonly resolve: (snapshotId: bigint | undefined) => void
  readonly reject: (error: ServiceError) => void
}

export class Waiters {
  #waiting: Waiter[] = []

  get size(): number {
    return this.#waiting.length
  }

  /** Resolves with the snapshot that contains the sequence. @throws ServiceError `overloaded`. */
  async wait(sequence: bigint, isPatient: boolean): Promise<bigint | undefined> {
    if (this.#waiting.length >= WAITERS_MAX) {
      throw new ServiceError('overloaded', `${WAITERS_MAX} callers wait for this table already`)
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ sequence, isPatient, resolve, reject })
    })
  }

  settle(
    isDone: (sequence: bigint) => boolean,
    snapshotOf: (sequence: bigint) => bigint | undefined,
  ): void {
    for (const waiter of this.#take(({ sequence }) => isDone(sequence))) {
      waiter.resolve(snapshotOf(waiter.sequence))
    }
  }

  /** An entry was set aside: who waits for this very entry waits in vain. */
  quarantined(sequence: bigint, error: ServiceError): void {
    for (const waiter of this.#take((w) => w.isPatient && w.sequence === sequence)) {
      waiter.reject(error)
    }
  }

  /** An attempt failed and will be repeated. */
  failed(error: ServiceError): void {
    for (const waiter of this.#take((w) => !w.isPatient)) waiter.reject(error)
  }

  rejectAll(error: ServiceError): void {
    for (const waiter of this.#take(() => true)) waiter.reject(error)
  }

  #take(isTaken: (waiter: Waiter) => boolean): Waiter[] {
    const taken = this.#waiting.filter(isTaken)
    this.#waiting = this.#waiting.filter((waiter) => !isTaken(waiter))
    return taken
  }
}
