/** Pure: how long to wait before the next attempt. Full jitter, so that many waiters spread out. */

export interface BackoffPolicy {
  readonly baseMs: number
  readonly capMs: number
}

/** `attempt` counts from 0; `random` is in [0, 1). Returns milliseconds in [0, cap]. */
export function backoffMs(policy: BackoffPolicy, attempt: number, random: number): number {
  const ceiling = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(attempt, 30))
  return Math.floor(random * ceiling)
}
