/**
 * New tables: where they live and their first metadata.
 *
 * A table made again under an old name gets a directory of its own, so that files of its dead
 * namesake are never taken for its own.
 */
import { ServiceError, toServiceError, unreachable } from '../errors.ts'
import { createTableMetadata } from '../iceberg/metadata-create.ts'
import { applyUpdates } from '../iceberg/metadata-update.ts'
import type { TableMetadata } from '../iceberg/types.ts'
import type { TableUpdate } from '../iceberg/updates.ts'
import { formatTable, type TableIdentifier } from '../names.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { tableLocation } from '../storage/paths.ts'
import type { CreateTableRequest, LoadedTable } from './catalog.ts'
import type { CatalogParts } from './parts.ts'
import { publish } from './publish.ts'

const SUFFIX_LENGTH = 8

/** @throws ServiceError `already-exists`, `invalid`, `overloaded`, `unavailable`. */
export async function createTable(
  parts: CatalogParts,
  identifier: TableIdentifier,
  request: CreateTableRequest,
): Promise<LoadedTable> {
  const exists = new ServiceError('already-exists', `table ${formatTable(identifier)} exists`)
  if ((await parts.pointers.read(identifier)) !== undefined) throw exists

  const uuid = parts.ids.uuid()
  const location = await freeLocation(parts, identifier, uuid)
  const metadata = createTableMetadata({ ...request, location, uuid, now: parts.clock.now() })
  const outcome = await publish(parts, { identifier, base: undefined, metadata })
  switch (outcome.kind) {
    case 'committed':
      return outcome.table
    case 'conflict':
      throw outcome.cause === undefined ? exists : toServiceError(outcome.cause)
    case 'rejected':
      throw new ServiceError('invalid', outcome.reason)
    case 'unknown':
      throw new ServiceError(
        'unavailable',
        `whether table ${formatTable(identifier)} was created is not known: load it`,
        { cause: outcome.cause },
      )
    default:
      return unreachable(outcome)
  }
}

/**
 * The table of a commit that asserts that there is none (a staged create). Ids are assigned as
 * {@link createTable} does, which leaves those of a schema that it returned before as they are.
 *
 * @throws ServiceError `invalid` for updates that do not describe one new table.
 */
export async function buildFromUpdates(
  parts: CatalogParts,
  identifier: TableIdentifier,
  updates: readonly TableUpdate[],
): Promise<TableMetadata> {
  const schema = only(updates, 'add-schema')?.schema
  if (!schema) throw new ServiceError('invalid', 'a new table needs one add-schema update')
  const spec = only(updates, 'add-spec')?.spec
  const order = only(updates, 'add-sort-order')?.['sort-order']
  const uuid = only(updates, 'assign-uuid')?.uuid ?? parts.ids.uuid()
  const format = only(updates, 'upgrade-format-version')?.['format-version']
  if (format === 1) throw new ServiceError('invalid', 'format version 1 is not written any more')
  const location =
    only(updates, 'set-location')?.location ?? (await freeLocation(parts, identifier, uuid))
  const now = parts.clock.now()
  const created = createTableMetadata({
    schema,
    ...(spec && { partitionSpec: spec }),
    ...(order && { sortOrder: order }),
    ...(format && { formatVersion: format }),
    location,
    uuid,
    now,
  })
  const rest = updates.filter(({ action }) => !DESCRIBES_THE_TABLE.has(action))
  return rest.length === 0
    ? created
    : applyUpdates(created, rest, { now, previousLocation: undefined })
}

/** Taken into the first metadata, or true of it by itself. */
const DESCRIBES_THE_TABLE = new Set<TableUpdate['action']>([
  'assign-uuid',
  'upgrade-format-version',
  'add-schema',
  'set-current-schema',
  'add-spec',
  'set-default-spec',
  'add-sort-order',
  'set-default-sort-order',
  'set-location',
])

function only<A extends TableUpdate['action']>(
  updates: readonly TableUpdate[],
  action: A,
): Extract<TableUpdate, { action: A }> | undefined {
  type Wanted = Extract<TableUpdate, { action: A }>
  const found = updates.filter((update): update is Wanted => update.action === action)
  if (found.length > 1) throw new ServiceError('invalid', `a new table has one ${action} at most`)
  return found[0]
}

async function freeLocation(
  { store, warehouse }: Pick<CatalogParts, 'store' | 'warehouse'>,
  identifier: TableIdentifier,
  uuid: string,
): Promise<string> {
  for (const suffix of [undefined, uuid.slice(0, SUFFIX_LENGTH)]) {
    const location = tableLocation(warehouse, identifier, suffix)
    if (await isEmpty(store, `${location}/`)) return location
  }
  return tableLocation(warehouse, identifier, uuid)
}

async function isEmpty(store: ObjectStore, prefix: string): Promise<boolean> {
  for await (const _ of store.list(prefix)) return false
  return true
}
