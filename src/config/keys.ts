/**
 * The names of all settings, read off the schema: `wal.segmentBytes` in files and flags is
 * `FRAZIL_WAL_SEGMENT_BYTES` in the environment. Nothing lists them a second time.
 *
 * Pure. Does not know where a value comes from.
 */
import { z } from 'zod'
import { configSchema } from './schema.ts'

export type ConfigSource = 'flag' | 'environment' | 'file' | 'default'

export interface Assignment {
  readonly key: string
  readonly value: unknown
  readonly source: ConfigSource
  /** `--set wal.segmentBytes=1`, `FRAZIL_WAL_SEGMENT_BYTES` or `frazil.yaml:12`. */
  readonly from: string
}

export interface ConfigProblem {
  readonly key: string
  /** Undefined when the key itself is unknown. */
  readonly expected: string | undefined
  readonly received: string | undefined
  readonly from: string
}

export const ENVIRONMENT_PREFIX = 'FRAZIL_'

/** Dotted names of all settings, in the order of the schema. */
export const CONFIG_KEYS: readonly string[] = leaves(configSchema, [])

/** Dotted names of the sections that settings are grouped in. */
export const CONFIG_SECTIONS: readonly string[] = [
  ...new Set(
    CONFIG_KEYS.filter((key) => key.includes('.')).map((key) => key.slice(0, key.lastIndexOf('.'))),
  ),
]

const KEY_OF_VARIABLE = new Map(CONFIG_KEYS.map((key) => [variableOf(key), key]))

/** `wal.segmentBytes` → `FRAZIL_WAL_SEGMENT_BYTES`. */
export function variableOf(key: string): string {
  const words = key.replaceAll('.', '_').replace(/[A-Z]/g, (letter) => `_${letter}`)
  return ENVIRONMENT_PREFIX + words.toUpperCase()
}

/** The setting that a variable names, if there is one. */
export function keyOf(variable: string): string | undefined {
  return KEY_OF_VARIABLE.get(variable)
}

export function isKey(key: string): boolean {
  return KEY_OF_VARIABLE.has(variableOf(key)) && CONFIG_KEYS.includes(key)
}

function leaves(schema: z.ZodObject, path: readonly string[]): string[] {
  return Object.entries(schema.shape).flatMap(([name, member]) => {
    const inner = member instanceof z.ZodPrefault ? member.def.innerType : member
    const here = [...path, name]
    return inner instanceof z.ZodObject ? leaves(inner, here) : [here.join('.')]
  })
}
