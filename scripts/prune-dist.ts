/**
 * Removes from `dist/` what was compiled from files that are gone, so that no stale test runs.
 * Nothing else is touched: a service that runs from `dist/` keeps its files while it is rebuilt.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..').replace(/\/dist$/, '')
const dist = path.join(root, 'dist')

for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  const source = name.replace(/\.(?:js|js\.map|d\.ts)$/, '.ts')
  if (source !== name && !existsSync(path.join(root, source))) rmSync(path.join(dist, name))
}
