/** The effective configuration as people read it: every setting, its value and who set it. */
import path from 'node:path'
import { CONFIG_KEYS } from './keys.ts'
import type { LoadedConfig } from './load.ts'
import type { Config } from './schema.ts'

export interface PrintedSetting {
  readonly key: string
  /** Undefined: derived from other settings when the service starts. */
  readonly value: unknown
  readonly from: string
}

const KIB = 1024
/** Where a place is below `data` when it is not set. */
const PLACES: Readonly<Record<string, string>> = {
  'wal.directory': 'wal',
  'catalog.path': 'catalog.db',
  warehouse: 'warehouse',
}

/** One row for each setting, in the order of the schema. */
export function printConfig({ config, origins }: LoadedConfig): PrintedSetting[] {
  return CONFIG_KEYS.map((key) => ({
    key,
    value: valueAt(config, key),
    from: origins.get(key)?.from ?? 'default',
  }))
}

/** The same for people: places are whole paths, sizes and times stand in their units as well. */
export function explainConfig(loaded: LoadedConfig): PrintedSetting[] {
  return printConfig(loaded).map((setting) => ({
    ...setting,
    value: explain(setting, loaded.config),
  }))
}

function explain({ key, value }: PrintedSetting, { data }: Config): unknown {
  const place = PLACES[key]
  if (place !== undefined) return placeOf(value, path.join(data, place))
  if (key === 'data') return placeOf(value, data)
  if (typeof value !== 'number') return value
  if (/bytes/i.test(key))
    return withUnit(value, [
      [KIB ** 3, 'GiB'],
      [KIB ** 2, 'MiB'],
      [KIB, 'KiB'],
    ])
  if (key.endsWith('Ms'))
    return withUnit(value, [
      [3_600_000, 'h'],
      [60_000, 'min'],
      [1_000, 's'],
    ])
  return value
}

function placeOf(value: unknown, otherwise: string): string {
  const place = typeof value === 'string' ? value : otherwise
  return place.includes('://') ? place : path.resolve(place)
}

/** `67108864 (64 MiB)`, in the largest unit that it reaches. */
function withUnit(value: number, units: readonly (readonly [number, string])[]): number | string {
  const unit = units.find(([size]) => value >= size)
  if (unit === undefined) return value
  const [size, name] = unit
  return `${value} (${Number((value / size).toFixed(1))} ${name})`
}

function valueAt(config: unknown, key: string): unknown {
  let value: unknown = config
  for (const part of key.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Object.entries(value).find(([name]) => name === part)?.[1]
  }
  return value
}
