/**
 * Which tables are committed next, when more are due than may run at once. Pure.
 *
 * Promises: whoever has been due longest goes first, and tables whose last attempt failed never
 * take every place while another table is due. Does not know: why a table is due.
 */

export interface Candidate {
  readonly key: string
  /** Since when, on the monotonic clock: smaller has waited longer. */
  readonly dueAt: number
  /** Its last attempt failed: it may hold a place for as long as a request takes to time out. */
  readonly isFailing: boolean
}

export interface Running {
  readonly tables: number
  readonly failing: number
}

export function chooseTables(
  candidates: readonly Candidate[],
  running: Running,
  tablesMax: number,
): string[] {
  // With one place only there is none to keep free: tables then take turns.
  const failingMax = Math.max(1, tablesMax - 1)
  const chosen: string[] = []
  let failing = running.failing
  for (const candidate of candidates.toSorted((a, b) => a.dueAt - b.dueAt)) {
    if (running.tables + chosen.length >= tablesMax) break
    if (candidate.isFailing && failing >= failingMax) continue
    if (candidate.isFailing) failing += 1
    chosen.push(candidate.key)
  }
  return chosen
}
