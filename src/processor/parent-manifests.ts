/**
 * The manifests of the snapshot that a commit is put on top of.
 *
 * Keeps the two lists read or written last: a table's next commit nearly always has its own last
 * one as parent, or that one's parent again. Manifest lists never change, so none gets stale.
 */
import { decodeManifestList, type ManifestFile } from '../iceberg/manifest-list.ts'
import type { TableMetadata } from '../iceberg/types.ts'
import type { ObjectStore } from '../storage/object-store.ts'

export interface ManifestListReader {
  /** The current snapshot's manifests; none when there is no snapshot. */
  read(metadata: TableMetadata): Promise<readonly ManifestFile[]>
  /** A list that was just written. */
  keep(location: string, bytes: Uint8Array): void
}

const KEPT_MAX = 2

/** @throws (from `read`) ServiceError of the store: `unavailable`, or `not-found` for a lost list. */
export function createManifestListReader(store: ObjectStore): ManifestListReader {
  let kept: readonly { readonly location: string; readonly manifests: Manifests }[] = []

  const keep = (location: string, manifests: Manifests) => {
    kept = [{ location, manifests }, ...kept].slice(0, KEPT_MAX)
    return manifests
  }
  return {
    async read(metadata) {
      const current = metadata.snapshots.find(
        (snapshot) => snapshot['snapshot-id'] === metadata['current-snapshot-id'],
      )
      if (current === undefined) return []
      const location = current['manifest-list']
      const known = kept.find((list) => list.location === location)
      if (known !== undefined) return known.manifests()
      const manifests = decodeManifestList(await store.get(location))
      return keep(location, () => manifests)()
    },
    // Most lists that lose a race are never read again: decoded only when asked for.
    keep: (location, bytes) =>
      void keep(
        location,
        once(() => decodeManifestList(bytes)),
      ),
  }
}

type Manifests = () => readonly ManifestFile[]

function once(make: Manifests): Manifests {
  let made: readonly ManifestFile[] | undefined
  return () => (made ??= make())
}
