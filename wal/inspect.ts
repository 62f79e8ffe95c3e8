/**
 * A look at a log from outside: no lock, no index, nothing changed.
 *
 * Promises: what an opening would find now. Beside a process that has the log open, the newest
 * entries may be missing or appear as a torn tail.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WalError } from './errors.ts'
import { readIdentity } from './identity.ts'
import { Ledger } from './ledger.ts'
import { QUARANTINE_FOLDER, SEGMENTS_FOLDER } from './open.ts'
import { Quarantine } from './quarantine.ts'
import { recoverLog } from './recover.ts'
import { scanSegment } from './scan.ts'
import { isSegmentName } from './segments.ts'
import type { KeyState, QuarantinedEntry, Recovery } from './types.ts'

export interface SegmentInspection {
  readonly file: string
  readonly bytes: number
  /** Undefined for a file that is free. */
  readonly ordinal: number | undefined
  readonly liveEntries: number
  readonly liveBytes: number
}

export interface WalInspection {
  readonly id: string
  readonly epoch: bigint
  readonly nextSequence: bigint
  readonly segments: readonly SegmentInspection[]
  readonly keys: readonly KeyState[]
  readonly producers: number
  readonly quarantined: readonly QuarantinedEntry[]
  readonly damaged: Recovery['damaged']
  readonly tornTailBytes: number
}

/** @throws WalError `invalid` when there is no log, `io`, `corrupt`. */
export async function inspectWal(directory: string): Promise<WalInspection> {
  const identity = await readIdentity(directory)
  if (!identity) throw new WalError('invalid', `there is no log in ${directory}`)
  const { sizes, scanned } = await scanFolder(join(directory, SEGMENTS_FOLDER))
  const recovered = recoverLog(scanned, {
    producersMax: Number.POSITIVE_INFINITY,
    startedOrdinal: identity.startedOrdinal,
    released: identity.released,
    segmentBytes: Math.max(0, ...sizes.map(({ bytes }) => bytes)),
  })
  const quarantine = await Quarantine.open(join(directory, QUARANTINE_FOLDER), 0)
  const ledger = new Ledger(Number.POSITIVE_INFINITY)
  for (const record of recovered.keys.values()) ledger.restore(record)
  for (const entry of [...recovered.entries.values()].flat()) {
    if (quarantine.has(entry.sequence)) continue
    ledger.add(entry.key, { ...entry, bytes: entry.payloadBytes })
  }
  return {
    id: identity.id,
    epoch: identity.epoch,
    nextSequence: recovered.nextSequence,
    segments: sizes.map(({ file, bytes }) => {
      const ordinal = recovered.segments.find((segment) => segment.file === file)?.ordinal
      const use = ledger.segment(ordinal ?? 0)
      return { file, bytes, ordinal, liveEntries: use.entries, liveBytes: use.bytes }
    }),
    keys: ledger.states(),
    producers: recovered.producers.size,
    quarantined: quarantine.list(),
    damaged: recovered.damaged.map(({ file, offset, reason }) => ({ file, offset, reason })),
    tornTailBytes: recovered.tornTailBytes,
  }
}

async function scanFolder(directory: string) {
  const sizes: { file: string; bytes: number }[] = []
  const scanned = []
  try {
    for (const file of (await readdir(directory)).filter(isSegmentName).sort()) {
      const bytes = await readFile(join(directory, file))
      sizes.push({ file, bytes: bytes.length })
      const segment = scanSegment(file, bytes)
      if (segment) scanned.push(segment)
    }
  } catch (error) {
    throw new WalError('io', `cannot read ${directory}`, { cause: error })
  }
  return { sizes, scanned }
}
