/**
 * Scanned segments → what the log holds. Pure: the same bytes always give the same answer.
 *
 * Promises: nothing that was acknowledged is left out without being named in `damaged`, and
 * nothing is invented: see `rebuild.ts` for how a frame is judged. This file decides which frames
 * belong to the log: those of the newest checkpoint and after it, and the segments it lists.
 */
import { type Checkpoint, decodeCheckpoint } from './control.ts'
import { Rebuild, type RecoveredLog } from './rebuild.ts'
import type { ScannedSegment } from './scan.ts'

export interface KnownBefore {
  readonly producersMax: number
  /** From the identity: a log whose newest segment is older than this has lost some. */
  readonly startedOrdinal: number
  readonly segmentBytes: number
  /** From the identity: segments that no longer count, whatever a checkpoint says. */
  readonly released: readonly number[]
}

export function recoverLog(
  scanned: readonly ScannedSegment[],
  { producersMax, startedOrdinal, segmentBytes, released }: KnownBefore,
): RecoveredLog {
  const ordered = scanned.toSorted((a, b) => a.life.ordinal - b.life.ordinal)
  const base = ordered.findLastIndex((segment) => checkpointOf(segment) !== undefined)
  const rebuilt = new Rebuild(producersMax, released)
  const tail = withoutAbandoned(ordered.slice(Math.max(base, 0)))
  const checkpoint = base < 0 ? undefined : checkpointOf(tail[0] as ScannedSegment)
  if (checkpoint) rebuilt.start(checkpoint)
  const firstFrame = checkpoint ? (tail[0]?.frames[0]?.head.frameNumber ?? 1) : 1
  rebuilt.replayTail(tail, firstFrame)
  const sealed = ordered.slice(0, Math.max(base, 0))
  for (const record of checkpoint?.segments ?? []) rebuilt.addSealed(record, sealed)
  const newest = rebuilt.newestOrdinal
  if (newest < startedOrdinal) rebuilt.noteLost(newest + 1, startedOrdinal, segmentBytes)
  return rebuilt.finish(ordered)
}

function checkpointOf(segment: ScannedSegment): Checkpoint | undefined {
  const first = segment.frames[0]
  if (first?.offset !== 0 || first.head.kind !== 'checkpoint' || !first.control) return undefined
  return decodeCheckpoint(first.control)
}

/**
 * With an opening's checkpoint damaged, what the opening before it left torn must not come back:
 * that checkpoint took the number of the first frame that was dropped.
 */
function withoutAbandoned(tail: readonly ScannedSegment[]): readonly ScannedSegment[] {
  return tail.map((segment, i) => {
    const later = tail.slice(i + 1).find(({ life }) => life.epoch > segment.life.epoch)
    const dropped = (later?.frames[0]?.head.frameNumber ?? Number.POSITIVE_INFINITY) - 1
    const isFirstCheckpoint = later?.frames[0]?.offset === 0
    const bound = isFirstCheckpoint ? dropped + 1 : dropped
    const frames = segment.frames.filter(({ head }) => head.frameNumber < bound)
    return frames.length === segment.frames.length ? segment : { ...segment, frames }
  })
}
