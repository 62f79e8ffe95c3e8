/**
 * Where settings come from: flags over environment over a YAML file over defaults.
 *
 * Promises: nothing is ignored. An unknown key, a bad value or an unreadable file is refused, all
 * problems at once, each with what was expected, what came and from where. What is returned is
 * complete and frozen, and says of each setting who set it.
 * Does not know what a setting does. Reads one file; everything else is an argument.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { z } from 'zod'
import { ServiceError } from '../errors.ts'
import { parseConfigFile } from './file.ts'
import {
  type Assignment,
  CONFIG_KEYS,
  type ConfigProblem,
  type ConfigSource,
  ENVIRONMENT_PREFIX,
  isKey,
  keyOf,
  variableOf,
} from './keys.ts'
import { type Config, configSchema } from './schema.ts'
import { suggest } from './suggest.ts'

export interface ConfigInputs {
  /** Values of `--set key=value` by key. */
  readonly flags?: Readonly<Record<string, string>>
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** `--config FILE`; else `FRAZIL_CONFIG`; else `frazil.yaml` in `directory` if it exists. */
  readonly file?: string
  readonly directory?: string
}

export interface LoadedConfig {
  readonly config: Config
  /** The file that was read, if any. */
  readonly file: string | undefined
  /** By key: who set it, and where. */
  readonly origins: ReadonlyMap<string, { readonly source: ConfigSource; readonly from: string }>
}

export const DEFAULT_FILE = 'frazil.yaml'
const FILE_VARIABLE = 'FRAZIL_CONFIG'
/** Read by the command line, not by the service. */
const OTHER_VARIABLES = [FILE_VARIABLE, 'FRAZIL_ADDRESS', 'FRAZIL_TENANT']
/** Kubernetes sets these in every pod when a Service happens to be called `frazil`. */
const SERVICE_LINK =
  /^FRAZIL_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)$/

/** @throws ServiceError `invalid` that lists every problem, one a line. */
export function loadConfig(inputs: ConfigInputs): LoadedConfig {
  const environment = inputs.environment ?? {}
  const file = readFile(inputs)
  const fromEnvironment = environmentAssignments(environment)
  const fromFlags = flagAssignments(inputs.flags ?? {})
  const parts = [file, fromEnvironment, fromFlags]
  const problems = parts.flatMap((part) => part.problems)

  // Later parts win: a map keeps the last value of a key.
  const winners = new Map(
    parts.flatMap((part) => part.assignments.map((each) => [each.key, each] as const)),
  )
  const result = configSchema.safeParse(nest([...winners.values()]))
  if (!result.success) {
    problems.push(...result.error.issues.map((issue) => explain(issue, winners)))
  }
  if (problems.length > 0 || !result.success) throw refusal(problems)

  return {
    config: deepFreeze(result.data),
    file: file.name,
    origins: new Map(CONFIG_KEYS.map((key) => [key, origin(winners.get(key))])),
  }
}

interface Part {
  readonly assignments: readonly Assignment[]
  readonly problems: readonly ConfigProblem[]
}

function readFile(inputs: ConfigInputs): Part & { readonly name: string | undefined } {
  const asked = inputs.file ?? inputs.environment?.[FILE_VARIABLE]
  const name = asked ?? DEFAULT_FILE
  try {
    const text = readFileSync(resolve(inputs.directory ?? '.', name), 'utf8')
    return { ...parseConfigFile(text, name), name }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    if (asked === undefined && code === 'ENOENT') {
      return { name: undefined, assignments: [], problems: [] }
    }
    const from = inputs.file === undefined ? FILE_VARIABLE : `--config ${name}`
    const problem = { key: name, expected: 'a file that can be read', received: code, from }
    return { name, assignments: [], problems: [problem] }
  }
}

function environmentAssignments(environment: Readonly<Record<string, string | undefined>>): Part {
  const assignments: Assignment[] = []
  const problems: ConfigProblem[] = []
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(ENVIRONMENT_PREFIX) || value === undefined) continue
    const key = keyOf(variable)
    if (key !== undefined) {
      assignments.push({ key, value, source: 'environment', from: variable })
    } else if (!OTHER_VARIABLES.includes(variable) && !SERVICE_LINK.test(variable)) {
      problems.push({ key: variable, expected: undefined, received: undefined, from: variable })
    }
  }
  return { assignments, problems }
}

function flagAssignments(flags: Readonly<Record<string, string>>): Part {
  const all = Object.entries(flags).map(([key, value]) => ({
    key,
    value,
    source: 'flag' as const,
    from: `--set ${key}=${value}`,
  }))
  return {
    assignments: all.filter(({ key }) => isKey(key)),
    problems: all
      .filter(({ key }) => !isKey(key))
      .map(({ key, from }) => ({ key, expected: undefined, received: undefined, from })),
  }
}

type Nested = { [name: string]: unknown }

function nest(assignments: readonly Assignment[]): Nested {
  const root: Nested = {}
  for (const { key, value } of assignments) {
    const path = key.split('.')
    const name = path.pop() ?? key
    let section = root
    for (const part of path) section = (section[part] ??= {}) as Nested
    section[name] = value
  }
  return root
}

function explain(issue: z.core.$ZodIssue, winners: ReadonlyMap<string, Assignment>): ConfigProblem {
  const key = issue.path.join('.')
  const winner = winners.get(key)
  return {
    key,
    expected: expectation(issue),
    received: JSON.stringify(winner?.value) ?? 'nothing',
    from: winner?.from ?? 'default',
  }
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'too_small':
      return issue.origin === 'string' ? 'text that is not empty' : `at least ${issue.minimum}`
    case 'too_big':
      return `at most ${issue.maximum}`
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`
    case 'invalid_type':
      return issue.expected === 'string' ? 'text' : issue.message
    default:
      return issue.message
  }
}

function refusal(problems: readonly ConfigProblem[]): ServiceError {
  const lines = problems.map((problem) => `  ${describe(problem)}`)
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`
  return new ServiceError('invalid', `the configuration has ${count}:\n${lines.join('\n')}`, {
    context: { keys: problems.map(({ key }) => key).join(',') },
  })
}

function describe({ key, expected, received, from }: ConfigProblem): string {
  if (expected !== undefined) return `${key}: expected ${expected}, got ${received} (from ${from})`
  const isVariable = key.startsWith(ENVIRONMENT_PREFIX)
  const near = suggest(key, isVariable ? CONFIG_KEYS.map(variableOf) : CONFIG_KEYS)
  const hint = near === undefined ? '`frazil config print` lists all' : `did you mean ${near}?`
  return `${key}: no such setting; ${hint}${isVariable ? '' : ` (from ${from})`}`
}

function origin(winner: Assignment | undefined) {
  return winner === undefined
    ? { source: 'default' as const, from: 'default' }
    : { source: winner.source, from: winner.from }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member)
    Object.freeze(value)
  }
  return value
}
