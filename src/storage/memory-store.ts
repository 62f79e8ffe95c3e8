/**
 * The object store in memory, for tests and for trying things out. It keeps every promise of the
 * port except durability. Any URI scheme is a location.
 */
import { ServiceError } from '../errors.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { checkLocation, checkPrefix } from './location.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'
import { checkRange } from './range.ts'

interface StoredObject {
  readonly bytes: Uint8Array
  readonly modifiedAt: number
}

export function createMemoryStore(clock: Pick<Clock, 'now'> = systemClock): ObjectStore {
  const objects = new Map<string, StoredObject>()

  return {
    async put(location, parts, { ifAbsent = false } = {}) {
      checkLocation(location)
      if (ifAbsent && objects.has(location)) {
        throw new ServiceError('already-exists', `object ${location} exists already`)
      }
      objects.set(location, { bytes: joined(parts), modifiedAt: clock.now() })
    },

    async get(location, range) {
      const object = objects.get(checkLocation(location))
      if (!object) throw new ServiceError('not-found', `there is no object ${location}`)
      const { start, end } = checkRange(location, object.bytes.length, range)
      return object.bytes.slice(start, end)
    },

    async head(location) {
      const object = objects.get(checkLocation(location))
      return object && infoOf(location, object)
    },

    async *list(prefix) {
      checkPrefix(prefix)
      for (const [location, object] of objects) {
        if (location.startsWith(prefix)) yield infoOf(location, object)
      }
    },

    async delete(location) {
      objects.delete(checkLocation(location))
    },
  }
}

/** A copy: the caller may use its memory again. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

function infoOf(location: string, { bytes, modifiedAt }: StoredObject): ObjectInfo {
  return { location, bytes: bytes.length, modifiedAt }
}
