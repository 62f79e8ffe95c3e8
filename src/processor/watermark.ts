/**
 * The watermark: how far a log's entries are in a table, kept in the table itself. Pure.
 *
 *     property frazil.wal.<log id>  =  <epoch>:<nonce>:<last sequence>
 *
 * Each commit sets it together with its snapshot, and repeats it in the snapshot's summary. It is
 * judged on the metadata version that the commit then asserts as its base: of two commits that saw
 * the same watermark, one must lose. Promises: what cannot be explained is never taken as zero.
 * Does not know: how metadata is loaded, or what is done about a verdict.
 */
import type { Snapshot, TableMetadata } from '../iceberg/types.ts'

/** Key of a snapshot's summary: `<first>-<last>` sequence of the entries that it added. */
export const RANGE_SUMMARY_KEY = 'frazil.wal.range'

const VALUE = /^(\d{1,19}):([^:]+):(\d{1,19})$/
const RANGE = /^(\d{1,19})-(\d{1,19})$/

export interface Watermark {
  readonly epoch: bigint
  readonly nonce: string
  readonly sequence: bigint
}

export interface SequenceRange {
  readonly from: bigint
  readonly through: bigint
}

/** The log as this process opened it. */
export interface LogOpening {
  readonly id: string
  readonly epoch: bigint
  readonly nonce: string
  /** The first sequence that this opening could assign: all earlier ones are of earlier epochs. */
  readonly firstSequence: bigint
  /** What is known of the openings before it, in their order. */
  readonly earlier: readonly Omit<LogOpening, 'id' | 'earlier'>[]
}

/** What of a stream is about to be committed, and what of it is gone from the log already. */
export interface Intent {
  readonly range: SequenceRange
  /** Read before the metadata was loaded: a later trim would only make the table look too old. */
  readonly trimmedThrough: bigint
}

export type Verdict =
  | { readonly kind: 'proceed' }
  /** The whole range is in the table. */
  | { readonly kind: 'already-committed'; readonly through: bigint }
  /** The range's entries up to `through` are in the table, those after it are not. */
  | { readonly kind: 'partly-committed'; readonly through: bigint }
  /** Another opening of this log has committed since: this process must not write any more. */
  | { readonly kind: 'fenced'; readonly reason: string }
  /** The table knows less than was trimmed on its word, or its watermark cannot be explained. */
  | { readonly kind: 'lost'; readonly reason: string }

export function watermarkKey(logId: string): string {
  return `frazil.wal.${logId}`
}

export function formatWatermark({ epoch, nonce, sequence }: Watermark): string {
  return `${epoch}:${nonce}:${sequence}`
}

/** Undefined for what {@link formatWatermark} never wrote. */
export function parseWatermark(value: string): Watermark | undefined {
  const [, epoch, nonce, sequence] = VALUE.exec(value) ?? []
  if (epoch === undefined || nonce === undefined || sequence === undefined) return undefined
  return { epoch: BigInt(epoch), nonce, sequence: BigInt(sequence) }
}

export function formatRange({ from, through }: SequenceRange): string {
  return `${from}-${through}`
}

export function parseRange(value: string): SequenceRange | undefined {
  const [, from, through] = RANGE.exec(value) ?? []
  if (from === undefined || through === undefined) return undefined
  return { from: BigInt(from), through: BigInt(through) }
}

/** Compares what the table says with what is about to be committed on top of this very metadata. */
export function judgeWatermark(
  metadata: TableMetadata,
  log: LogOpening,
  { range, trimmedThrough }: Intent,
): Verdict {
  const key = watermarkKey(log.id)
  const value = metadata.properties[key]
  const history = lastInHistory(metadata, key)
  if (value === undefined) {
    if (trimmedThrough === 0n && history === undefined) return { kind: 'proceed' }
    return lost(`table property ${key} is gone, and entries of this log were committed before`)
  }
  const watermark = parseWatermark(value)
  if (watermark === undefined) return lost(`table property ${key} is not readable: ${value}`)
  const fence = fenceReason(watermark, log)
  if (fence !== undefined) return { kind: 'fenced', reason: fence }
  if (watermark.sequence < trimmedThrough) {
    return lost(
      `the table holds entries up to ${watermark.sequence} only, and the log was trimmed through ${trimmedThrough}: the table was set back`,
    )
  }
  if (history !== undefined && watermark.sequence < history.sequence) {
    return lost(
      `table property ${key} says ${watermark.sequence}, and the table's snapshots say ${history.sequence}`,
    )
  }
  if (watermark.sequence >= range.through) {
    return { kind: 'already-committed', through: watermark.sequence }
  }
  if (watermark.sequence >= range.from) {
    return { kind: 'partly-committed', through: watermark.sequence }
  }
  return { kind: 'proceed' }
}

/**
 * Finds the snapshot that added a sequence; if it has expired, or was replaced, the current one,
 * which contains it all the same. Undefined when the table has no snapshot.
 */
export function snapshotFinder(
  metadata: TableMetadata,
  logId: string,
): (sequence: bigint) => bigint | undefined {
  const added: { readonly id: bigint; readonly range: SequenceRange }[] = []
  for (const { 'snapshot-id': id, summary } of ancestry(metadata)) {
    const range = parseRange(summary[RANGE_SUMMARY_KEY] ?? '')
    if (range !== undefined && summary[watermarkKey(logId)] !== undefined) added.push({ id, range })
  }
  return (sequence) =>
    added.find(({ range }) => range.from <= sequence && sequence <= range.through)?.id ??
    metadata['current-snapshot-id']
}

function fenceReason(watermark: Watermark, log: LogOpening): string | undefined {
  const by = `another opening of this log has committed (epoch ${watermark.epoch}, ours is ${log.epoch})`
  if (watermark.epoch > log.epoch) return `${by}: this process is outdated, or its log is a copy`
  if (watermark.epoch < log.epoch) {
    return copyReason(watermark, log, by)
  }
  return watermark.nonce === log.nonce ? undefined : `${by} with another nonce: the log was copied`
}

/** An opening of this very log has its nonce, and gave out nothing that was left to the next one. */
function copyReason(watermark: Watermark, log: LogOpening, by: string): string | undefined {
  const { epoch, nonce, sequence } = watermark
  const known = log.earlier.find((opening) => opening.epoch === epoch)
  if (known !== undefined && known.nonce !== nonce) {
    return `${by} with a nonce that this log never had: the log was copied`
  }
  const next = log.earlier.find((opening) => opening.epoch > epoch) ?? log
  if (sequence < next.firstSequence) return undefined
  return `${by} up to sequence ${sequence}, which this log had not reached when it was opened again: it was restored from a copy`
}

function lost(reason: string): Verdict {
  return { kind: 'lost', reason }
}

function lastInHistory(metadata: TableMetadata, key: string): Watermark | undefined {
  for (const snapshot of ancestry(metadata)) {
    const value = snapshot.summary[key]
    if (value !== undefined) return parseWatermark(value)
  }
  return undefined
}

/** The current snapshot and its ancestors as far as they are known, newest first. */
function* ancestry(metadata: TableMetadata): Generator<Snapshot> {
  const byId = new Map(metadata.snapshots.map((snapshot) => [snapshot['snapshot-id'], snapshot]))
  let id = metadata['current-snapshot-id']
  while (id !== undefined) {
    const snapshot = byId.get(id)
    if (snapshot === undefined) return
    // Taken out as it is visited, so that a circle in foreign metadata ends.
    byId.delete(id)
    yield snapshot
    id = snapshot['parent-snapshot-id']
  }
}
