/**
 * When the engine collects garbage in a process that mostly moves bytes.
 *
 * Batches live outside the heap. By default V8 13 marks the whole heap again for every few
 * dozen megabytes of them, however quickly they are let go: half of the CPU time of an
 * acknowledgement. The flag counts them as part of the heap, whose growth then decides.
 */
import { setFlagsFromString } from 'node:v8'

export const COLLECTOR_FLAG = '--external-memory-accounted-in-global-limit'
/** The version whose flags were looked at: an unknown one would be a complaint on stderr. */
const NODE_MAJOR = 24

/** For the whole process, worker threads included. Changes speed and memory, nothing else. */
export function countExternalMemoryAsHeap(): void {
  if (Number(process.versions.node.split('.')[0]) !== NODE_MAJOR) return
  setFlagsFromString(COLLECTOR_FLAG)
}
