/**
 * One attempt to commit a prepared group: load, judge, stage, commit, load, judge.
 *
 * Promises: the watermark is judged on the metadata that the commit asserts as its base, and the
 * catalog's answer is never what decides, a fresh load is. A request that lands late carries an old
 * base and loses. No file is deleted, whatever happens. Does not know: when to try again.
 */
import type { CommitOutcome, LoadedTable } from '../catalog/catalog.ts'
import { toServiceError, unreachable } from '../errors.ts'
import { stageAppend } from '../iceberg/append.ts'
import { manifestListLocation } from '../storage/paths.ts'
import { putOnce } from './data-files.ts'
import { type Inspection, inspectTable } from './inspect.ts'
import type { TableContext } from './parts.ts'
import { isSameShape, type PreparedGroup, shapeOf } from './prepare.ts'
import type { RetryPace } from './retry-pace.ts'
import { formatRange, formatWatermark, RANGE_SUMMARY_KEY, watermarkKey } from './watermark.ts'

export type Attempt =
  | Exclude<Inspection, { readonly kind: 'proceed' }>
  /** The table's schema, spec, sort order or format is no longer what the files were written for. */
  | { readonly kind: 'reshaped'; readonly loaded: LoadedTable }
  | {
      readonly kind: 'retry'
      readonly pace: RetryPace
      readonly reason: string
    }

export interface AttemptRequest {
  readonly group: PreparedGroup
  /** Counts attempts at this group from 0; part of the manifest list's name. */
  readonly attempt: number
  /** For the counters; decides nothing. */
  readonly onOutcome: (kind: CommitOutcome['kind']) => void
}

/** @throws ServiceError `unavailable` when catalog or store are: retry with the same group. */
export async function attemptCommit(
  context: TableContext,
  request: AttemptRequest,
): Promise<Attempt> {
  const { group, onOutcome } = request
  const before = await inspectTable(context, group.range)
  if (before.kind !== 'proceed') return before
  const { loaded } = before
  if (!isSameShape(group.shape, shapeOf(loaded.metadata))) return { kind: 'reshaped', loaded }
  const outcome = await commit(context, loaded, request)
  onOutcome(outcome.kind)
  return settle(context, group, outcome)
}

/** Stages on top of what was just judged: base and judged metadata are the same value. */
async function commit(
  { parts, log, manifestLists }: TableContext,
  { identifier, metadata }: LoadedTable,
  { group, attempt }: AttemptRequest,
): Promise<CommitOutcome> {
  const { catalog, store, clock, ids } = parts
  const { snapshotId, range } = group
  const { epoch, nonce } = log
  const watermark = {
    [watermarkKey(log.id)]: formatWatermark({ epoch, nonce, sequence: range.through }),
  }
  const location = manifestListLocation(metadata.location, {
    snapshotId,
    attempt,
    uuid: ids.uuid(),
  })
  const staged = stageAppend({
    base: metadata,
    snapshotId,
    manifests: group.manifests,
    parentManifests: await manifestLists.read(metadata),
    manifestListLocation: location,
    properties: watermark,
    summary: { ...watermark, [RANGE_SUMMARY_KEY]: formatRange(range) },
    now: clock.now(),
  })
  await putOnce(store, location, staged.manifestList)
  manifestLists.keep(location, staged.manifestList)
  try {
    const { requirements, updates } = staged
    return await catalog.commitTable(identifier, { requirements, updates })
  } catch (cause) {
    // A catalog that throws has said nothing about what it did.
    return { kind: 'unknown', cause }
  }
}

async function settle(
  context: TableContext,
  group: PreparedGroup,
  outcome: CommitOutcome,
): Promise<Attempt> {
  const after = await inspectTable(context, group.range)
  if (after.kind !== 'proceed') return after
  // Not there now. A request whose answer is unknown may still land; it and the next attempt
  // assert the same parent or an older one, so that only one of them can.
  switch (outcome.kind) {
    case 'committed':
      return retry('outage', 'the catalog answered committed, and a fresh load does not show it')
    case 'conflict':
      return retry('soon', outcome.reason)
    case 'unknown':
      return retry(
        'outage',
        `the commit's outcome is unknown: ${toServiceError(outcome.cause).message}`,
      )
    case 'rejected':
      return retry('rejected', outcome.reason)
    default:
      return unreachable(outcome)
  }
}

function retry(pace: RetryPace, reason: string): Attempt {
  return { kind: 'retry', pace, reason }
}
