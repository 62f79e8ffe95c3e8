/**
 * When a table's waiting entries are committed. Pure: state and settings in, a decision out.
 *
 * Promises: an entry waits no longer than the age setting on a working clock, and a clock that
 * steps backwards cannot hold it longer than that either. Does not know: whether the table can be
 * committed at all, or whether there is room to do it now.
 */
import type { Clock } from '../runtime/clock.ts'

export interface CommitSettings {
  readonly bytes: number
  readonly ageMs: number
}

/** A point in time on both clocks: one survives restarts, the other never steps back. */
export interface Instant {
  readonly wallMs: number
  readonly monotonicMs: number
}

export function instantOf(clock: Clock): Instant {
  return { wallMs: clock.now(), monotonicMs: clock.monotonic() }
}

export interface WaitingEntries {
  readonly entries: number
  readonly bytes: number
  readonly firstSequence: bigint | undefined
  readonly oldestAppendedAt: number | undefined
  /** When this process first saw the oldest entry wait, on the monotonic clock. */
  readonly seenWaitingAt: number
  /** Someone asked for everything up to this sequence. */
  readonly flushThrough: bigint | undefined
}

export function commitDecision(
  waiting: WaitingEntries,
  now: Instant,
  settings: CommitSettings,
): 'commit' | 'wait' {
  if (waiting.entries === 0 || waiting.firstSequence === undefined) return 'wait'
  const isForced =
    waiting.flushThrough !== undefined && waiting.firstSequence <= waiting.flushThrough
  if (isForced || waiting.bytes >= settings.bytes) return 'commit'
  return waitingMs(waiting, now) >= settings.ageMs ? 'commit' : 'wait'
}

/** How long the oldest entry has waited, in milliseconds: the longer of what the clocks say. */
export function waitingMs(
  waiting: Pick<WaitingEntries, 'oldestAppendedAt' | 'seenWaitingAt'>,
  now: Instant,
): number {
  const sinceAppend = now.wallMs - (waiting.oldestAppendedAt ?? now.wallMs)
  return Math.max(sinceAppend, now.monotonicMs - waiting.seenWaitingAt, 0)
}
