/**
 * The few things that the log asks of a file system, as a port, so that a test can make them fail.
 *
 * Promises: `create` and `writeDurably` return only when the file's bytes and its directory entry
 * are on disk. Everything else is durable only after `sync`.
 */
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, statfs, unlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'

export interface SegmentFile {
  /** All parts in order from a position. */
  write(parts: readonly Uint8Array[], position: number): Promise<void>
  sync(): Promise<void>
  /** Fills the targets from a position; false when the file ends before. */
  read(targets: readonly Uint8Array[], position: number): Promise<boolean>
  size(): Promise<number>
  close(): Promise<void>
}

export interface Files {
  openSegment(path: string): Promise<SegmentFile>
  /** A new file of zeros: writing over them later needs no allocation. Nothing stays on failure. */
  createSegment(path: string, bytes: number): Promise<SegmentFile>
  remove(path: string): Promise<void>
  list(directory: string): Promise<string[]>
  freeBytes(directory: string): Promise<number>
}

/** The least IOV_MAX of the systems that Node runs on. */
const PARTS_PER_WRITE_MAX = 1_024
const ZEROS = Buffer.alloc(4 * 1024 * 1024)

export const nodeFiles: Files = {
  async openSegment(path) {
    return segmentFile(await open(path, constants.O_RDWR))
  },
  async createSegment(path, bytes) {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL)
    try {
      const file = segmentFile(handle)
      for (let at = 0; at < bytes; at += ZEROS.length) {
        await file.write([ZEROS.subarray(0, Math.min(ZEROS.length, bytes - at))], at)
      }
      await handle.sync()
      await syncDirectory(dirname(path))
      return file
    } catch (error) {
      await handle.close()
      await unlink(path)
      throw error
    }
  },
  async remove(path) {
    await unlink(path)
    await syncDirectory(dirname(path))
  },
  list: (directory) => readdir(directory),
  async freeBytes(directory) {
    const { bavail, bsize } = await statfs(directory)
    return bavail * bsize
  },
}

/** Replaces the file as a whole: a reader after a crash sees the old bytes or the new ones. */
export async function writeDurably(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.tmp`)
  const handle = await open(temporary, 'w')
  try {
    await writeAll(handle, parts, 0)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, path)
  await syncDirectory(dirname(path))
}

const NOT_OURS = new Set(['EACCES', 'EPERM', 'EROFS', 'EINVAL'])

/**
 * Makes a directory and every name that leads to it durable, also those that a process made which
 * died before it could say so.
 */
export async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true })
  for (let at = resolve(path); ; at = dirname(at)) {
    try {
      await syncDirectory(at)
    } catch (error) {
      // What this process may not read it did not make.
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      if (!NOT_OURS.has(code)) throw error
    }
    if (at === dirname(at)) return
  }
}

export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function segmentFile(handle: FileHandle): SegmentFile {
  return {
    write: (parts, position) => writeAll(handle, parts, position),
    sync: () => handle.datasync(),
    read: (targets, position) => readTargets(handle, targets, position),
    size: async () => (await handle.stat()).size,
    close: () => handle.close(),
  }
}

async function writeAll(
  handle: FileHandle,
  parts: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let at = position
  let rest = parts.filter((part) => part.length > 0)
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest.slice(0, PARTS_PER_WRITE_MAX), at)
    if (bytesWritten === 0) throw new Error('a write made no progress')
    at += bytesWritten
    rest = afterBytes(rest, bytesWritten)
  }
}

/** What is left of the parts when so many bytes of them are written. */
function afterBytes(parts: Uint8Array[], written: number): Uint8Array[] {
  let left = written
  let i = 0
  for (let part = parts[i]; part && part.length <= left; part = parts[i]) {
    left -= part.length
    i++
  }
  const rest = parts.slice(i)
  if (left > 0 && rest[0]) rest[0] = rest[0].subarray(left)
  return rest
}

/** In one call as a rule; a short read goes on from its first unfilled target. */
async function readTargets(
  handle: FileHandle,
  targets: readonly Uint8Array[],
  position: number,
): Promise<boolean> {
  const { bytesRead } = await handle.readv([...targets], position)
  let at = position
  for (const target of targets) {
    const isFilled = at + target.length <= position + bytesRead
    if (!isFilled && !(await readAll(handle, target, at))) return false
    at += target.length
  }
  return true
}

async function readAll(handle: FileHandle, target: Uint8Array, position: number): Promise<boolean> {
  let filled = 0
  while (filled < target.length) {
    const { bytesRead } = await handle.read(
      target,
      filled,
      target.length - filled,
      position + filled,
    )
    if (bytesRead === 0) return false
    filled += bytesRead
  }
  return true
}
