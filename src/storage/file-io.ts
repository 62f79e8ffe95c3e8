/** Whole reads and whole writes: the kernel may do less than it was asked, these do not. */
import type { FileHandle } from 'node:fs/promises'
import { ServiceError } from '../errors.ts'

/** What one `writev` takes on every system. */
const PARTS_PER_CALL_MAX = 1024
const BYTES_PER_READ_MAX = 1024 ** 3

/** Resolves when every byte was handed to the kernel; it is not durable yet. */
export async function writeParts(handle: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  let first = 0
  let skipped = 0
  while (first < parts.length) {
    const call = parts.slice(first, first + PARTS_PER_CALL_MAX)
    call[0] = call[0]?.subarray(skipped) ?? new Uint8Array()
    const wanted = call.reduce((sum, part) => sum + part.length, 0)
    let { bytesWritten } = wanted === 0 ? { bytesWritten: 0 } : await handle.writev(call)
    if (bytesWritten === 0 && wanted > 0) throw new Error('the file system took no bytes')
    for (const part of call) {
      if (bytesWritten < part.length) break
      bytesWritten -= part.length
      first += 1
      skipped = 0
    }
    skipped += bytesWritten
  }
}

/** `[start, end)` of the file, in memory of its own. @throws ServiceError `corrupt` when it is shorter. */
export async function readRange(
  handle: FileHandle,
  start: number,
  end: number,
): Promise<Uint8Array> {
  // Never from the shared pool: a slice of it would carry other requests' bytes along.
  const bytes = Buffer.allocUnsafeSlow(end - start)
  let filled = 0
  while (filled < bytes.length) {
    const length = Math.min(bytes.length - filled, BYTES_PER_READ_MAX)
    const { bytesRead } = await handle.read(bytes, filled, length, start + filled)
    if (bytesRead === 0) throw new ServiceError('corrupt', 'the file became shorter while read')
    filled += bytesRead
  }
  return bytes
}
