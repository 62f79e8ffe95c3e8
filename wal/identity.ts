/**
 * Who this log is: its id, made once, and the epoch, which grows by one at each opening.
 *
 * Promises: an epoch that was handed out is on disk before anything is appended under it.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WalError } from './errors.ts'
import { writeDurably } from './files.ts'
import { FORMAT_VERSION } from './frame.ts'
import type { Opening } from './types.ts'

const FILE = 'identity.json'
const OPENINGS_MAX = 1_000

export interface Identity {
  readonly id: string
  readonly epoch: bigint
  /** The newest segment whose checkpoint is known to be on disk: if it is gone, that is damage. */
  readonly startedOrdinal: number
  /** Segments that an opening took as free, although the checkpoint before it lists them. */
  readonly released: readonly number[]
  /** Tells this log from a copy that went its own way. In their order, the newest `OPENINGS_MAX`. */
  readonly openings: readonly Opening[]
}

/** Undefined when there is no log in the directory. @throws WalError `io`, `corrupt`. */
export async function readIdentity(directory: string): Promise<Identity | undefined> {
  const path = join(directory, FILE)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new WalError('io', `cannot read ${path}`, { cause: error })
  }
  const { format, id, epoch, startedOrdinal, released, openings } = parse(path, text)
  if (format !== FORMAT_VERSION) {
    const advice = `this build reads ${FORMAT_VERSION}; use the release that wrote it`
    throw new WalError('corrupt', `${path} says format ${String(format)}, ${advice}`)
  }
  if (typeof id !== 'string' || typeof epoch !== 'string' || !/^\d+$/.test(epoch)) {
    throw new WalError('corrupt', `${path} has no id or no epoch; restore it from a backup`)
  }
  return {
    id,
    epoch: BigInt(epoch),
    startedOrdinal: Number(startedOrdinal ?? 0),
    released: Array.isArray(released) ? released.map(Number) : [],
    openings: Array.isArray(openings) ? openings.map((each) => parseOpening(path, each)) : [],
  }
}

export async function writeIdentity(directory: string, identity: Identity): Promise<void> {
  const openings = identity.openings.slice(-OPENINGS_MAX).map((opening) => ({
    epoch: String(opening.epoch),
    nonce: opening.nonce,
    firstSequence: String(opening.firstSequence),
  }))
  const fields = { format: FORMAT_VERSION, ...identity, epoch: String(identity.epoch), openings }
  await writeDurably(join(directory, FILE), [Buffer.from(`${JSON.stringify(fields)}\n`)])
}

function parseOpening(path: string, opening: unknown): Opening {
  const { epoch, nonce, firstSequence } = { ...(opening as Partial<Record<string, unknown>>) }
  try {
    return {
      epoch: BigInt(String(epoch)),
      nonce: String(nonce),
      firstSequence: BigInt(String(firstSequence)),
    }
  } catch (error) {
    const message = `${path} has an unreadable opening; restore it from a backup`
    throw new WalError('corrupt', message, { cause: error })
  }
}

function parse(path: string, text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null) return { ...parsed }
  } catch (error) {
    throw new WalError('corrupt', `${path} is not JSON; restore it from a backup`, { cause: error })
  }
  throw new WalError('corrupt', `${path} is not a JSON object; restore it from a backup`)
}
