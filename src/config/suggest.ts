/** Pure: the known name that an unknown one was probably meant to be. */

/** Undefined when nothing is near: a wild guess sends people astray. */
export function suggest(unknown: string, known: readonly string[]): string | undefined {
  const target = normal(unknown)
  let best: string | undefined
  // A third of the letters may be wrong, and at least one.
  let nearest = Math.max(1, Math.floor(target.length / 3)) + 1
  for (const candidate of known) {
    const distances = [normal(candidate), normal(lastPart(candidate))].map((name) =>
      distance(target, name, nearest),
    )
    const distanceMin = Math.min(...distances)
    if (distanceMin < nearest) {
      nearest = distanceMin
      best = candidate
    }
  }
  return best
}

/** Case, dots, dashes and underscores are what people most often get wrong. */
function normal(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '')
}

function lastPart(key: string): string {
  return key.slice(key.lastIndexOf('.') + 1)
}

/** Edits (insert, delete, replace) from one to the other, or `limit` if there are that many. */
function distance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) >= limit) return limit
  let previous = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = at(previous, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1)
      row.push(Math.min(replaced, at(previous, j) + 1, at(row, j - 1) + 1))
    }
    previous = row
  }
  return Math.min(limit, at(previous, to.length))
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
