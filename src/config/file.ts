/**
 * The configuration file: YAML text to single settings, each with the line it stands on.
 *
 * Pure. Does not know whether a value is allowed, only whether its key exists.
 */
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml'
import { type Assignment, CONFIG_SECTIONS, type ConfigProblem, isKey } from './keys.ts'

/** Far above any real file; more is somebody's mistake. */
const FILE_CHARACTERS_MAX = 1_000_000

export interface ParsedFile {
  readonly assignments: readonly Assignment[]
  readonly problems: readonly ConfigProblem[]
}

export function parseConfigFile(text: string, file: string): ParsedFile {
  if (text.length > FILE_CHARACTERS_MAX) {
    return refused(file, file, `at most ${FILE_CHARACTERS_MAX} characters`, `${text.length}`)
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [error] = document.errors
  if (error) {
    const { line } = lines.linePos(error.pos[0])
    return refused(file, `${file}:${line}`, 'YAML', error.message)
  }
  const root: unknown = document.contents
  if (root === null || (isScalar(root) && root.value === null)) return none()
  if (!isMap(root)) return refused(file, file, 'a map of settings', 'something else')

  const assignments: Assignment[] = []
  const problems: ConfigProblem[] = []
  const visit = (node: unknown, path: readonly string[]): void => {
    if (!isMap(node)) return
    for (const pair of node.items) {
      const name = isScalar(pair.key) ? String(pair.key.value) : String(pair.key)
      const key = [...path, name].join('.')
      const from = `${file}:${lines.linePos(startOf(pair.key)).line}`
      const isEmpty = pair.value === null || (isScalar(pair.value) && pair.value.value === null)
      if (isKey(key)) {
        if (isScalar(pair.value) || isEmpty) {
          assignments.push({ key, value: scalar(pair.value), source: 'file', from })
        } else {
          problems.push({ key, expected: 'a single value', received: 'a list or a map', from })
        }
      } else if (!CONFIG_SECTIONS.includes(key)) {
        problems.push({ key, expected: undefined, received: undefined, from })
      } else if (isMap(pair.value)) {
        visit(pair.value, [...path, name])
      } else if (!isEmpty) {
        problems.push({ key, expected: 'a map of settings', received: 'a single value', from })
      }
    }
  }
  visit(root, [])
  return { assignments, problems }
}

function scalar(node: unknown): unknown {
  return isScalar(node) ? node.value : null
}

function startOf(node: unknown): number {
  return isScalar(node) ? (node.range?.[0] ?? 0) : 0
}

function none(): ParsedFile {
  return { assignments: [], problems: [] }
}

function refused(key: string, from: string, expected: string, received: string): ParsedFile {
  return { assignments: [], problems: [{ key, expected, received, from }] }
}
