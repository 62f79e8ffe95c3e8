/** Pure: what the service says of itself, for one tenant, in JSON of snake_case names. */
import type { WalStats } from '#wal'
import { parseKey } from './entry.ts'
import { snakeCase } from './json.ts'
import { formatTable } from './names.ts'
import type { TableStatus } from './processor/status.ts'

/** Sizes of the log are everybody's; entries, keys and reasons are the tenant's own. */
export function viewStatus(
  tenant: string,
  stats: WalStats,
  tables: readonly TableStatus[],
): Readonly<Record<string, unknown>> {
  const { quarantined, ...log } = stats
  const own = quarantined.filter(({ key }) => parseKey(key).table.tenant === tenant)
  return {
    log: { ...snakeCase(log), quarantined: own.map(snakeCase) },
    tables: tables.filter(({ table }) => table?.tenant === tenant).map(viewTable),
  }
}

function viewTable({ table, state, counters, ...status }: TableStatus) {
  return {
    table: table && formatTable(table),
    ...snakeCase(status),
    state: snakeCase(state),
    counters: snakeCase(counters),
  }
}
