/**
 * Directories that survive power loss.
 *
 * A directory's name is durable once its parent was fsynced, and that parent's once its own
 * parent was. Promises: when `ensure` resolves, every name on the path has been fsynced by this
 * process, also those that an earlier process made just before it died.
 */
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from './file-error.ts'

const REMEMBERED_MAX = 10_000
const NOT_OURS = new Set(['EACCES', 'EPERM', 'EROFS', 'EINVAL'])

export class DurableDirectories {
  readonly #known = new Map<string, Promise<void>>()

  /** Makes the directory and its parents where they are missing. @throws the file system's error. */
  ensure(directory: string): Promise<void> {
    const known = this.#known.get(directory)
    if (known) return known
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear()
    const made = makeDurable(directory, (parent) => this.ensure(parent))
    this.#known.set(directory, made)
    made.catch(() => this.#known.delete(directory))
    return made
  }

  /** Someone removed it: the next `ensure` starts from the top. */
  forget(): void {
    this.#known.clear()
  }
}

async function makeDurable(
  directory: string,
  ensureParent: (parent: string) => Promise<void>,
): Promise<void> {
  const parent = dirname(directory)
  if (parent === directory) return
  await ensureParent(parent)
  try {
    await mkdir(directory)
  } catch (error) {
    // EROFS and the like of a directory that exists: the write that follows tells the truth.
    if (!(await isDirectory(directory))) throw error
  }
  await syncDirectory(parent, { unreadableIsFine: true })
}

/** Makes the names in a directory durable. */
export async function syncDirectory(
  directory: string,
  { unreadableIsFine = false } = {},
): Promise<void> {
  let handle: FileHandle | undefined
  try {
    handle = await open(directory, 'r')
    await handle.sync()
  } catch (error) {
    // What this process may not read it did not make: `/home` on a hardened host, for example.
    if (!unreadableIsFine || !NOT_OURS.has(errorCode(error) ?? '')) throw error
  } finally {
    await handle?.close()
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
