/** Which Frazil this is, as its package says. Read once; part of the program, not of its input. */
import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'

export const VERSION = readVersion()

function readVersion(): string {
  const file = findPackageJSON(import.meta.url)
  const { version } = JSON.parse(file === undefined ? '{}' : readFileSync(file, 'utf8')) as {
    readonly version?: string
  }
  return version ?? 'unknown'
}
