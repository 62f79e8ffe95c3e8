/** How soon a table is tried again after what kind of failure. Pure. */
import { type ErrorKind, unreachable } from '../errors.ts'
import { backoffMs } from '../runtime/backoff.ts'

/**
 * `soon`: another writer was faster, or the group was too large for the encoder: the next attempt
 * will probably do. `outage`: catalog, store, log or encoder failed. `rejected`: the catalog will not have it (a permission, a feature);
 * hardly the entries' fault, so they are kept and tried at the longest interval until someone has
 * mended it.
 */
export type RetryPace = 'soon' | 'outage' | 'rejected'

/** Ceiling of `soon`, as a multiple of the base. */
const SOON_FACTOR = 10

export interface RetrySettings {
  readonly retryBaseMs: number
  readonly retryCapMs: number
}

/** Milliseconds; `attempt` counts failures in a row from 0, `random` is in [0, 1). */
export function retryDelayMs(
  pace: RetryPace,
  settings: RetrySettings,
  attempt: number,
  random: number,
): number {
  const { retryBaseMs: baseMs, retryCapMs: capMs } = settings
  switch (pace) {
    case 'soon':
      return backoffMs({ baseMs, capMs: Math.min(capMs, baseMs * SOON_FACTOR) }, attempt, random)
    case 'outage':
      return backoffMs({ baseMs, capMs }, attempt, random)
    case 'rejected':
      return Math.floor((capMs * (1 + random)) / 2)
    default:
      return unreachable(pace)
  }
}

/** Failures in a row after which `soon` was too hopeful: then nobody waits in silence for it. */
export const SOON_IN_A_ROW_MAX = 20

export function paceOf(wanted: RetryPace, failures: number): RetryPace {
  return wanted === 'soon' && failures >= SOON_IN_A_ROW_MAX ? 'outage' : wanted
}

/** For an attempt that ended in an error: what will not pass by itself is not hurried. */
export function paceAfter(kind: ErrorKind): RetryPace {
  return kind === 'invalid' || kind === 'unsupported' || kind === 'schema-mismatch'
    ? 'rejected'
    : 'outage'
}
