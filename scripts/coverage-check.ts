/**
 * Reads c8's summary and ends with 1 when a folder that must be covered is not.
 * c8 itself knows one threshold for everything, or one for each file.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'

const LINES_PERCENT_MIN = 90
const FOLDERS = ['wal', 'src/iceberg', 'src/arrow', 'src/processor'] as const

interface Lines {
  readonly total: number
  readonly covered: number
}

type Summary = Readonly<Record<string, { readonly lines: Lines }>>

const root = path.resolve(import.meta.dirname, '..')
const summary = JSON.parse(
  readFileSync(path.join(root, 'coverage/coverage-summary.json'), 'utf8'),
) as Summary

function percent(folder: string): number {
  const within = path.join(root, folder) + path.sep
  const files = Object.entries(summary).filter(([file]) => file.startsWith(within))
  const sum = (name: keyof Lines) => files.reduce((all, [, { lines }]) => all + lines[name], 0)
  // A folder that nobody visited is not covered: it was renamed, or the report is empty.
  return files.length === 0 ? 0 : (100 * sum('covered')) / sum('total')
}

const low = FOLDERS.filter((folder) => {
  const found = percent(folder)
  console.log(`${folder.padEnd(14)} ${found.toFixed(1).padStart(5)} % of lines`)
  return found < LINES_PERCENT_MIN
})
if (low.length > 0) console.error(`below ${LINES_PERCENT_MIN} %: ${low.join(', ')}`)
process.exit(low.length === 0 ? 0 : 1)
