/**
 * Opening: lock, read every segment, decide what the log holds, set up the parts, start a segment.
 *
 * Promises: nothing is changed before every segment was read, so an opening that fails can be
 * tried again; the epoch and the first checkpoint are on disk when it returns.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { WalError } from './errors.ts'
import { type Files, makeDirectory } from './files.ts'
import { type Identity, readIdentity, writeIdentity } from './identity.ts'
import { type Location, openDatabase, reconcile } from './index-store.ts'
import { Ledger } from './ledger.ts'
import { Quarantine } from './quarantine.ts'
import type { Damage, RecoveredLog } from './rebuild.ts'
import { recoverLog } from './recover.ts'
import { type ScannedSegment, scanSegment } from './scan.ts'
import { isSegmentName, SEGMENT_RESERVE_BYTES, Segments, type SlotFile } from './segments.ts'
import type { Opening, OpenWalOptions, Recovery, WalLimits } from './types.ts'
import { SegmentWriter } from './writer.ts'

export const SEGMENTS_FOLDER = 'segments'
export const QUARANTINE_FOLDER = 'quarantine'
const INDEX_FOLDER = 'index'
const LOCK_FILE = 'lock'
const DAMAGE_BYTES_MAX = 64 * 1024 * 1024
const SEGMENTS_MIN = 3

/** The parts of an open log, as `wal.ts` puts them together. */
export interface OpenedLog {
  readonly id: string
  readonly epoch: bigint
  readonly nonce: string
  readonly openings: readonly Opening[]
  readonly recovered: RecoveredLog
  readonly recovery: Recovery
  readonly segments: Segments
  readonly ledger: Ledger
  readonly quarantine: Quarantine
  readonly writer: SegmentWriter
  readonly database: Awaited<ReturnType<typeof openDatabase>>
}

interface FoundSegments {
  readonly slots: readonly { readonly name: string; readonly slot: SlotFile }[]
  readonly scanned: readonly ScannedSegment[]
}

/** @throws WalError `io`, `corrupt`, `full`. */
export async function openLog(options: OpenWalOptions, files: Files): Promise<OpenedLog> {
  const { directory, limits } = options
  const identity = await readIdentity(directory)
  const found = await readSegments(files, join(directory, SEGMENTS_FOLDER))
  try {
    const { producersMax, segmentBytes } = limits
    const before = identity ?? newIdentity(options.newId())
    const { startedOrdinal, released } = before
    const known = { producersMax, segmentBytes, startedOrdinal, released }
    const recovered = recoverLog(found.scanned, known)
    if (!identity && recovered.lastOrdinal > 0) {
      throw new WalError('corrupt', `${directory} has segments and no identity.json; restore it`)
    }
    return await buildLog({ options, files, found, recovered, before })
  } catch (error) {
    for (const { slot } of found.slots) await slot.file.close()
    throw error
  }
}

export async function prepareDirectory(directory: string, limits: WalLimits): Promise<string> {
  const { segmentBytes, logBytesMax } = limits
  if (segmentBytes % 8 !== 0 || segmentBytes < SEGMENT_RESERVE_BYTES * 4) {
    const least = SEGMENT_RESERVE_BYTES * 4
    throw new WalError(
      'invalid',
      `segmentBytes ${segmentBytes} is not a multiple of 8 from ${least}`,
    )
  }
  if (logBytesMax < segmentBytes * SEGMENTS_MIN) {
    const advice = `raise it to ${segmentBytes * SEGMENTS_MIN} or lower segmentBytes`
    throw new WalError('invalid', `logBytesMax ${logBytesMax} is too small; ${advice}`)
  }
  try {
    for (const folder of [SEGMENTS_FOLDER, QUARANTINE_FOLDER]) {
      await makeDirectory(join(directory, folder))
    }
  } catch (error) {
    throw new WalError('io', `cannot make ${directory}`, { cause: error })
  }
  return join(directory, LOCK_FILE)
}

interface Materials {
  readonly options: OpenWalOptions
  readonly files: Files
  readonly found: FoundSegments
  readonly recovered: RecoveredLog
  readonly before: Identity
}

async function buildLog(materials: Materials): Promise<OpenedLog> {
  const { options, recovered, before } = materials
  const { directory, limits } = options
  const epoch = (before.epoch > recovered.lastEpoch ? before.epoch : recovered.lastEpoch) + 1n
  const quarantineFolder = join(directory, QUARANTINE_FOLDER)
  const quarantine = await Quarantine.open(quarantineFolder, limits.quarantineEntriesMax)
  await keepDamage(materials, quarantine)
  const { ledger, locations } = restoreLedger(recovered, quarantine, limits.keysMax)
  const released = idleSegments(recovered, ledger)
  const database = await openDatabase(join(directory, INDEX_FOLDER), before.id)
  try {
    const { repairs, highestSequence } = await reconcile(database, locations)
    const lost = highestSequence >= recovered.nextSequence
    const nextSequence = lost ? highestSequence + 1n : recovered.nextSequence
    const segments = adoptSegments(materials, ledger, released)
    const nonce = randomBytes(8)
    const opening = { epoch, nonce: nonce.toString('hex'), firstSequence: nextSequence }
    const openings = [...before.openings, opening]
    const identity = { ...before, epoch, released, openings }
    await writeIdentity(directory, identity)
    const writer = new SegmentWriter({
      segments,
      epoch,
      nonce: nonce.readBigUInt64LE(),
      nextFrame: recovered.nextFrame,
      nextSequence,
      lastOrdinal: Math.max(recovered.lastOrdinal, before.startedOrdinal),
      onStarted: (startedOrdinal) => writeIdentity(directory, { ...identity, startedOrdinal }),
      state: () => ({ keys: ledger.records(), producers: recovered.producers.records() }),
    })
    await writer.roll(undefined, 'opening')
    await writer.idle()
    // The new checkpoint lists only segments with live entries: the others are free from here on.
    await segments.release(segments.releasable())
    const recovery = recoveryOf(recovered, ledger.entries, repairs, lost ? highestSequence : 0n)
    const parts = { segments, ledger, quarantine, writer, database }
    return { id: before.id, ...opening, openings, recovered, recovery, ...parts }
  } catch (error) {
    await database.close()
    throw error
  }
}

function newIdentity(id: string): Identity {
  return { id, epoch: 0n, startedOrdinal: 0, released: [], openings: [] }
}

/** Every file is opened and read before anything is decided. @throws WalError `io`. */
async function readSegments(files: Files, directory: string): Promise<FoundSegments> {
  const slots: { name: string; slot: SlotFile }[] = []
  const scanned: ScannedSegment[] = []
  let path = directory
  try {
    let room = Buffer.alloc(0)
    for (const name of (await files.list(directory)).filter(isSegmentName).sort()) {
      path = join(directory, name)
      const file = await files.openSegment(path)
      const slot = { path, file, bytes: 0 }
      slots.push({ name, slot })
      slot.bytes = await file.size()
      if (room.length < slot.bytes) room = Buffer.allocUnsafeSlow(slot.bytes)
      const bytes = room.subarray(0, slot.bytes)
      if (!(await file.read([bytes], 0))) throw new Error('the file shrinks while it is read')
      const segment = scanSegment(name, bytes)
      if (segment) scanned.push(segment)
    }
    return { slots, scanned }
  } catch (error) {
    for (const { slot } of slots) await slot.file.close()
    const advice = 'nothing was changed; remove the cause and open the log again'
    throw new WalError('io', `cannot read ${path}; ${advice}`, { cause: error })
  }
}

/** What is damaged is kept as it is, before its segment can be used again. */
async function keepDamage({ found, recovered }: Materials, quarantine: Quarantine): Promise<void> {
  for (const { file, ordinal, offset, end } of recovered.damaged) {
    const slot = found.slots.find(({ name }) => name === file)?.slot
    if (!slot || end <= offset) continue
    const bytes = Buffer.allocUnsafeSlow(Math.min(end - offset, DAMAGE_BYTES_MAX))
    await slot.file.read([bytes], offset)
    await quarantine.keepDamage(`${ordinal}-${offset}`, bytes)
  }
}

function restoreLedger(
  recovered: RecoveredLog,
  quarantine: Quarantine,
  keysMax: number,
): { ledger: Ledger; locations: Map<string, Map<bigint, Location>> } {
  const ledger = new Ledger(keysMax)
  const locations = new Map<string, Map<bigint, Location>>()
  for (const record of recovered.keys.values()) ledger.restore(record)
  for (const [key, entries] of recovered.entries) {
    const located = new Map<bigint, Location>()
    locations.set(key, located)
    for (const entry of entries) {
      const { sequence, appendedAt, payloadBytes, ordinal, offset, headBytes } = entry
      if (quarantine.has(sequence)) continue
      ledger.add(key, { sequence, appendedAt, bytes: payloadBytes, ordinal })
      located.set(sequence, { ordinal, offset, headBytes, payloadBytes })
    }
  }
  ledger.restored()
  return { ledger, locations }
}

/**
 * Segments that an opening may write over at once, so that it needs no new room on a full disk. Not
 * the one with the newest checkpoint, nor any after it: they count until the next one is on disk.
 */
function idleSegments(recovered: RecoveredLog, ledger: Ledger): number[] {
  const idle = recovered.segments
    .map(({ ordinal }) => ordinal)
    .filter((ordinal) => ordinal < recovered.baseOrdinal && ledger.segment(ordinal).entries === 0)
  // Until a newer checkpoint is on disk, the next opening must hear of the earlier ones again.
  return [...recovered.released, ...idle]
}

function adoptSegments(
  { options, files, found, recovered }: Materials,
  ledger: Ledger,
  released: readonly number[],
): Segments {
  const { directory, limits } = options
  const use = (ordinal: number) => ledger.segment(ordinal)
  const folder = join(directory, SEGMENTS_FOLDER)
  const segments = new Segments({ directory: folder, limits, files, use })
  for (const { name, slot } of found.slots) {
    segments.adopt(
      slot,
      recovered.segments.find(({ file, ordinal }) => file === name && !released.includes(ordinal)),
    )
  }
  return segments
}

function recoveryOf(
  recovered: RecoveredLog,
  entries: number,
  indexRepairs: number,
  lostThrough: bigint,
): Recovery {
  const { nextSequence, tornTailBytes } = recovered
  const lost: Damage[] = []
  if (lostThrough > 0n) {
    const reason = `entries ${nextSequence} to ${lostThrough} were acknowledged and are in no segment`
    lost.push({ file: '', ordinal: 0, offset: 0, end: 0, reason })
  }
  const damaged = [...recovered.damaged, ...lost].map(({ file, offset, reason }) => ({
    file,
    offset,
    reason,
  }))
  return { entries, tornTailBytes, damaged, indexRepairs }
}
