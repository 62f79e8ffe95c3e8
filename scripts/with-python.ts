/**
 * Runs Python with a requirements file installed, in a virtual environment that it makes itself.
 *
 *     node scripts/with-python.ts REQUIREMENTS [PYTHON ARGUMENT…]
 *
 * The environment's folder is named after the requirements' content, so a change makes a new one.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..').replace(/\/dist$/, '')
const [requirements, ...pythonArguments] = process.argv.slice(2)
if (requirements === undefined) {
  console.error('usage: node scripts/with-python.ts REQUIREMENTS [PYTHON ARGUMENT…]')
  process.exit(2)
}

function run(command: string, commandArguments: readonly string[]): number {
  const { status, error } = spawnSync(command, commandArguments, { stdio: 'inherit', cwd: root })
  if (error !== undefined) console.error(`cannot run ${command}: ${error.message}`)
  return status ?? 1
}

/** The interpreter inside the environment; a half-made one is thrown away. */
function ensureEnvironment(file: string): string {
  const digest = createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12)
  const directory = path.join(root, `.venv-${digest}`)
  const python = path.join(directory, 'bin', 'python')
  const complete = path.join(directory, 'complete')
  if (existsSync(complete)) return python
  rmSync(directory, { recursive: true, force: true })
  const isMade =
    run('python3', ['-m', 'venv', directory]) === 0 &&
    run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', file]) ===
      0
  if (!isMade) {
    console.error(`python3 with venv and pip is needed to install ${file}`)
    process.exit(1)
  }
  writeFileSync(complete, '')
  return python
}

process.exit(run(ensureEnvironment(path.resolve(requirements)), pythonArguments))
