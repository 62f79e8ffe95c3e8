/**
 * Time as an argument. Everything that waits or stamps takes a {@link Clock}, so a test can hold
 * time still. Only this folder touches the real clock and the real timers.
 */

export interface Clock {
  /** Milliseconds since the epoch. May step backwards: never use it to order things. */
  now(): number
  /** Milliseconds that never go backwards, from an arbitrary start. For durations. */
  monotonic(): number
  /** Resolves after `ms`, or at once when the signal aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const finish = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', finish)
        resolve()
      }
      const timer = setTimeout(finish, ms)
      signal?.addEventListener('abort', finish, { once: true })
    }),
}
