/**
 * A catalog whose answers cannot be trusted: commits that fail, that happen although the answer
 * says nothing is known, that happen later, or that lose. It wraps any catalog.
 *
 * Every choice comes from the `random` that is handed in, so a run is its seed. With no rates and
 * no plan it is transparent, and passes the catalog's contract. It never lies: `conflict` is
 * answered only when nothing happened, `committed` only when it did.
 */
import type { Catalog, CommitOutcome, CommitRequest } from '../../src/catalog/catalog.ts'
import { ServiceError } from '../../src/errors.ts'
import type { TableIdentifier } from '../../src/names.ts'

/**
 * `lost-before`: nothing happened, answered `unknown`. `lost-after`: it was committed, answered
 * `unknown`. `late`: answered `unknown`, and sent at a later call or {@link FaultyCatalog.land}.
 * `conflict`: nothing happened, answered `conflict`.
 */
export type CommitFault = 'lost-before' | 'lost-after' | 'late' | 'conflict'

export interface CatalogFaults {
  /** Uniform in [0, 1); `seededRandom` makes one. */
  readonly random: () => number
  /** Chance of each fault at each commit. Together at most 1. */
  readonly rates?: Readonly<Partial<Record<CommitFault, number>>>
  /** What happens at the n-th commit, counted from 1; it goes before chance. */
  readonly plan?: ReadonlyMap<number, CommitFault>
  /** Chance that a load or a create fails with `unavailable`; a create before or after its effect. */
  readonly unavailable?: number
  /** Chance at each call that the oldest late commit lands just before it. Default 0.3. */
  readonly landing?: number
}

export interface FaultyCatalog extends Catalog {
  /** Commits so far. */
  readonly commits: number
  /** Late commits that have not been sent yet. */
  readonly pending: number
  /** Sends the oldest late commit now; its outcome, which nobody waits for any more. */
  land(): Promise<CommitOutcome | undefined>
  /** No more faults; what is pending still lands. */
  heal(): void
}

interface LateCommit {
  readonly identifier: TableIdentifier
  readonly request: CommitRequest
}

export function createFaultyCatalog(catalog: Catalog, faults: CatalogFaults): FaultyCatalog {
  const late: LateCommit[] = []
  let commits = 0
  let isHealed = false

  async function land(): Promise<CommitOutcome | undefined> {
    const next = late.shift()
    return next && catalog.commitTable(next.identifier, next.request)
  }

  async function maybeLand(): Promise<void> {
    if (late.length > 0 && faults.random() < (faults.landing ?? 0.3)) await land()
  }

  function choose(): CommitFault | undefined {
    commits += 1
    if (isHealed) return undefined
    const planned = faults.plan?.get(commits)
    if (planned) return planned
    let drawn = faults.random()
    for (const [fault, rate] of Object.entries(faults.rates ?? {})) {
      if (drawn < rate) return fault as CommitFault
      drawn -= rate
    }
    return undefined
  }

  function maybeFail(what: string): void {
    if (isHealed || faults.random() >= (faults.unavailable ?? 0)) return
    throw new ServiceError('unavailable', `injected: ${what} failed`)
  }

  async function commitTable(
    identifier: TableIdentifier,
    request: CommitRequest,
  ): Promise<CommitOutcome> {
    await maybeLand()
    const fault = choose()
    switch (fault) {
      case undefined:
        return catalog.commitTable(identifier, request)
      case 'conflict':
        return { kind: 'conflict', reason: 'injected: someone else was first' }
      case 'late':
        late.push({ identifier, request })
        break
      case 'lost-after':
        await catalog.commitTable(identifier, request)
        break
      case 'lost-before':
        break
    }
    return { kind: 'unknown', cause: new ServiceError('unavailable', `injected: ${fault}`) }
  }

  return {
    get commits() {
      return commits
    },
    get pending() {
      return late.length
    },
    land,
    heal: () => {
      isHealed = true
    },
    commitTable,
    async loadTable(identifier) {
      await maybeLand()
      maybeFail('load')
      return catalog.loadTable(identifier)
    },
    async createTable(identifier, request) {
      await maybeLand()
      maybeFail('create, before its effect,')
      const table = await catalog.createTable(identifier, request)
      maybeFail('create, after its effect,')
      return table
    },
    listNamespaces: (tenant) => catalog.listNamespaces(tenant),
    createNamespace: (tenant, namespace) => catalog.createNamespace(tenant, namespace),
    listTables: (tenant, namespace) => catalog.listTables(tenant, namespace),
    dropTable: (identifier) => catalog.dropTable(identifier),
    close: () => catalog.close(),
  }
}
