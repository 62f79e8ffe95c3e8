/** Small logs in temporary directories, and entries to put into them. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AppendRequest,
  type OpenWalOptions,
  openWal,
  type Wal,
  type WalEntry,
  WalError,
  type WalLimits,
} from '#wal'

export const SMALL_LIMITS: WalLimits = {
  segmentBytes: 32 * 1024,
  logBytesMax: 1024 * 1024,
  diskReserveBytes: 0,
  groupBytesMax: 64 * 1024,
  groupEntriesMax: 100,
  entryBytesMax: 256 * 1024,
  waitingBytesMax: 4 * 1024 * 1024,
  indexLagEntriesMax: 1_000,
  producersMax: 100,
  keysMax: 1_000,
  quarantineEntriesMax: 20,
}

const directories: string[] = []

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'frazil-wal-'))
  directories.push(directory)
  return directory
}

export function removeTemporaryDirectories(): void {
  for (const directory of directories.splice(0)) {
    rmSync(directory, { recursive: true, force: true })
  }
}

export function walOptions(directory: string, limits: Partial<WalLimits> = {}): OpenWalOptions {
  return {
    directory,
    limits: { ...SMALL_LIMITS, ...limits },
    now: () => 1_700_000_000_000,
    newId: () => '01JZ0000000000000000000000',
  }
}

export function textEntry(key: string, text: string): AppendRequest {
  return { key, payload: [Buffer.from(text)], definitions: [] }
}

export function bytesEntry(key: string, bytes: number, fill = 1): AppendRequest {
  return { key, payload: [Buffer.alloc(bytes, fill)], definitions: [] }
}

/** `sequence:text` of each entry, or `sequence!` of a corrupt one. */
export function described(entries: readonly WalEntry[]): string[] {
  return entries.map((entry) =>
    entry.kind === 'entry'
      ? `${entry.sequence}:${Buffer.from(entry.payload).toString()}`
      : `${entry.sequence}!`,
  )
}

/** What a power cut leaves of a log that is still open: its files as they are now. */
export function crashCopy(directory: string): string {
  const copy = temporaryDirectory()
  cpSync(directory, copy, { recursive: true })
  return copy
}

export function segmentNames(directory: string): string[] {
  return readdirSync(join(directory, 'segments')).sort()
}

export function readSegment(directory: string, name: string): Buffer {
  return readFileSync(join(directory, 'segments', name))
}

export function writeSegment(directory: string, name: string, bytes: Uint8Array): void {
  writeFileSync(join(directory, 'segments', name), bytes)
}

/** Opens, does, closes, also when the work fails. */
export async function withWal<T>(options: OpenWalOptions, work: (wal: Wal) => Promise<T>) {
  const wal = await openWal(options)
  try {
    return await work(wal)
  } finally {
    await wal.close()
  }
}

export async function readAll(wal: Wal, key: string): Promise<WalEntry[]> {
  return wal.read(key, 0n, Number.MAX_SAFE_INTEGER)
}

/** How a call ended: `resolved`, or the kind of its WalError. */
export async function kind(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'resolved'
  } catch (error) {
    return error instanceof WalError ? error.kind : String(error)
  }
}
