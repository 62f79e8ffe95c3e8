/**
 * The object store on a local file system. Locations are `file:///absolute/path`, taken verbatim.
 *
 * A put is: temporary file beside the target, write, fsync, link (if absent) or rename, fsync of
 * the directory. Promises: what was put is whole and durable; a reader never meets half an
 * object; of many `ifAbsent` puts to one name exactly one wins. Killed at any point, it leaves at
 * most a temporary file, which no list shows ({@link isTemporaryName}).
 * Does not know: network file systems, whose rename and fsync promise less.
 */
import { link, open, opendir, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ServiceError } from '../errors.ts'
import { type Ids, randomIds } from '../runtime/ids.ts'
import { DurableDirectories, syncDirectory } from './durable-directories.ts'
import { errorCode, toStoreError } from './file-error.ts'
import { readRange, writeParts } from './file-io.ts'
import { checkLocation, checkPrefix, pathOfLocation } from './location.ts'
import type { ObjectInfo, ObjectStore, PutOptions } from './object-store.ts'
import { checkRange } from './range.ts'

const TEMPORARY_PREFIX = '.frazil-'
const TEMPORARY_SUFFIX = '.tmp'
const FILE_SCHEME = 'file://'
const NOT_AN_OBJECT = new Set(['ENOENT', 'ENOTDIR', 'EISDIR'])

/** True for what an interrupted put leaves behind; nothing refers to it. */
export function isTemporaryName(name: string): boolean {
  return name.startsWith(TEMPORARY_PREFIX) && name.endsWith(TEMPORARY_SUFFIX)
}

/** `ids` name the temporary files. */
export function createFileStore(ids: Pick<Ids, 'ulid'> = randomIds): ObjectStore {
  const directories = new DurableDirectories()

  return {
    async put(location, parts, options = {}) {
      const path = pathOfObject(location)
      try {
        await directories.ensure(dirname(path))
        await putFile(path, parts, options, ids.ulid()).catch(async (error) => {
          // The directory went away after it was last ensured; nothing was written yet.
          if (errorCode(error) !== 'ENOENT') throw error
          directories.forget()
          await directories.ensure(dirname(path))
          await putFile(path, parts, options, ids.ulid())
        })
      } catch (error) {
        throw toPutError(error, location, options)
      }
    },

    async get(location, range) {
      const path = pathOfObject(location)
      try {
        await using handle = await open(path, 'r')
        const info = await handle.stat()
        if (!info.isFile()) throw new ServiceError('not-found', `there is no object ${location}`)
        const { start, end } = checkRange(location, info.size, range)
        return await readRange(handle, start, end)
      } catch (error) {
        throw toReadError(error, location)
      }
    },

    async head(location) {
      const path = pathOfObject(location)
      try {
        return await infoOf(path)
      } catch (error) {
        throw toStoreError(error, 'look at', location)
      }
    },

    async *list(prefix) {
      const path = pathOfLocation(checkPrefix(prefix))
      const directory = path.slice(0, path.lastIndexOf('/') + 1)
      try {
        yield* walk(directory, path)
      } catch (error) {
        throw toStoreError(error, 'list', prefix)
      }
    },

    async delete(location) {
      try {
        await unlink(pathOfObject(location))
      } catch (error) {
        if (!NOT_AN_OBJECT.has(errorCode(error) ?? ''))
          throw toStoreError(error, 'delete', location)
      }
    },
  }
}

function pathOfObject(location: string): string {
  const path = pathOfLocation(checkLocation(location))
  if (isTemporaryName(basename(path))) {
    throw new ServiceError('invalid', `${location} is a name of the file store's own`)
  }
  return path
}

async function putFile(
  path: string,
  parts: readonly Uint8Array[],
  { ifAbsent = false }: PutOptions,
  unique: string,
): Promise<void> {
  const temporary = join(dirname(path), `${TEMPORARY_PREFIX}${unique}${TEMPORARY_SUFFIX}`)
  const handle = await open(temporary, 'wx')
  try {
    try {
      await writeParts(handle, parts)
      await handle.sync()
    } finally {
      await handle.close()
    }
    // A rename would silently replace what is there; only a link refuses.
    await (ifAbsent ? link(temporary, path) : rename(temporary, path))
  } catch (error) {
    await unlink(temporary).catch(() => {})
    // It may be our own, of a try that failed after the link: its name is not durable by itself.
    if (ifAbsent && errorCode(error) === 'EEXIST') await syncDirectory(dirname(path))
    throw error
  }
  if (ifAbsent) await unlink(temporary).catch(() => {})
  await syncDirectory(dirname(path))
}

/** Depth first, one open directory per level. Symbolic links are not followed. */
async function* walk(directory: string, prefix: string): AsyncGenerator<ObjectInfo> {
  let entries
  try {
    entries = await opendir(directory)
  } catch (error) {
    if (NOT_AN_OBJECT.has(errorCode(error) ?? '')) return
    throw error
  }
  for await (const entry of entries) {
    const path = `${directory}${entry.name}`
    if (entry.isDirectory()) {
      const below = `${path}/`
      if (below.startsWith(prefix) || prefix.startsWith(below)) yield* walk(below, prefix)
    } else if (entry.isFile() && path.startsWith(prefix) && !isTemporaryName(entry.name)) {
      const info = await infoOf(path)
      if (info) yield info
    }
  }
}

/** Undefined for what is not there or not a file. */
async function infoOf(path: string): Promise<ObjectInfo | undefined> {
  try {
    const info = await stat(path)
    if (!info.isFile()) return undefined
    const modifiedAt = Math.floor(info.mtimeMs)
    return { location: `${FILE_SCHEME}${path}`, bytes: info.size, modifiedAt }
  } catch (error) {
    if (NOT_AN_OBJECT.has(errorCode(error) ?? '')) return undefined
    throw error
  }
}

/** Only a refused link says that the object exists; elsewhere EEXIST is the disk's disorder. */
function toPutError(error: unknown, location: string, { ifAbsent }: PutOptions): ServiceError {
  const mapped = toStoreError(error, 'write', location)
  const isExpected = mapped.kind === 'invalid' || (ifAbsent && mapped.kind === 'already-exists')
  if (isExpected || mapped.kind === 'unavailable') return mapped
  return new ServiceError('unavailable', `could not write ${location}`, { cause: error })
}

function toReadError(error: unknown, location: string): ServiceError {
  const code = errorCode(error)
  if (code !== undefined && NOT_AN_OBJECT.has(code)) {
    return new ServiceError('not-found', `there is no object ${location}`, { cause: error })
  }
  return toStoreError(error, 'read', location)
}
