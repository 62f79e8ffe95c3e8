/**
 * Decides, during a drain, which open streams to end and when.
 *
 * A stream that is still being written may finish; one that is quiet (nothing came for a while and
 * everything is settled) is a long-lived producer that would never end by itself, and is ended at
 * once with what is durable acknowledged. At the deadline all are.
 */
import { ServiceError } from '../../errors.ts'
import type { Clock } from '../../runtime/clock.ts'

export interface Drainable {
  readonly received: number
  readonly isIdle: boolean
  interrupt(reason: ServiceError): void
}

export interface DrainOptions {
  readonly streams: ReadonlySet<Drainable>
  readonly drainMs: number
  /** Resolves when the last connection is closed. */
  readonly closed: Promise<void>
  readonly clock: Clock
}

/** How long a stream may be quiet. */
const QUIET_MS = 250
/** After the deadline: for appends that are on their way to the disk. */
const SETTLE_MS = 1_000

/** Resolves when all is closed, or a moment after the deadline. */
export async function drainStreams(options: DrainOptions): Promise<void> {
  const { streams, drainMs, closed, clock } = options
  const over = new AbortController()
  const whenOver = closed.then(() => over.abort())
  const reason = new ServiceError('closed', 'the server is draining: reconnect and go on')
  const seen = new Map<Drainable, number>()
  const deadline = clock.monotonic() + drainMs
  for (;;) {
    for (const stream of streams) {
      if (stream.isIdle && seen.get(stream) === stream.received) stream.interrupt(reason)
      seen.set(stream, stream.received)
    }
    const leftMs = deadline - clock.monotonic()
    if (over.signal.aborted || leftMs <= 0) break
    await clock.sleep(Math.min(QUIET_MS, leftMs), over.signal)
  }
  if (over.signal.aborted) return whenOver
  for (const stream of streams) stream.interrupt(reason)
  return clock.sleep(SETTLE_MS, over.signal)
}
