/** The effective configuration as people read it: every setting, its value and who set it. */
import { CONFIG_KEYS } from './keys.ts'
import type { LoadedConfig } from './load.ts'

export interface PrintedSetting {
  readonly key: string
  /** Undefined: derived from other settings when the service starts. */
  readonly value: unknown
  readonly from: string
}

/** One row for each setting, in the order of the schema. */
export function printConfig({ config, origins }: LoadedConfig): PrintedSetting[] {
  return CONFIG_KEYS.map((key) => ({
    key,
    value: valueAt(config, key),
    from: origins.get(key)?.from ?? 'default',
  }))
}

function valueAt(config: unknown, key: string): unknown {
  let value: unknown = config
  for (const part of key.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Object.entries(value).find(([name]) => name === part)?.[1]
  }
  return value
}
