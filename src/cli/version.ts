/** `frazil version`. */
import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import type { Command } from 'commander'
import { members, parseJson } from '../client/json.ts'
import type { Context } from './context.ts'

export function addVersion(program: Command, context: Context): void {
  program
    .command('version')
    .description('show the version')
    .action(() => {
      context.record({ frazil: frazilVersion(), node: process.versions.node })
    })
}

export function frazilVersion(): string {
  return String(packageJson()['version'])
}

function packageJson(): Readonly<Record<string, unknown>> {
  const file = findPackageJSON(import.meta.url)
  return file === undefined ? {} : members(parseJson(readFileSync(file, 'utf8')))
}
