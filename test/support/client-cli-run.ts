/** Runs the command line in this process with captured streams. */
import { Writable } from 'node:stream'
import type { Io, ServiceParts } from '../../src/cli/io.ts'
import { run } from '../../src/cli/run.ts'
import type { Service } from '../../src/service.ts'

export interface CliOutcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface CliSurroundings {
  readonly environment?: Record<string, string>
  readonly parts?: Partial<ServiceParts>
  readonly interrupt?: AbortController
  readonly isTTY?: boolean
  /** Nobody tells it to stop. */
  readonly isRunning?: boolean
}

export async function runCli(argv: string[], around: CliSurroundings = {}): Promise<CliOutcome> {
  const captured = { stdout: '', stderr: '' }
  const stream = (name: keyof typeof captured) =>
    Object.assign(
      new Writable({
        write(chunk, _encoding, done) {
          captured[name] += String(chunk)
          done()
        },
      }),
      { isTTY: around.isTTY === true },
    )
  let time = 0
  const io: Io = {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    environment: around.environment ?? {},
    monotonic: () => (time += 1_000),
    onInterrupt: () => (around.interrupt ?? new AbortController()).signal,
    // Told to stop as soon as it asks.
    onStop: (stop) => (around.isRunning ? undefined : stop()),
    parts: {
      startService: () => Promise.resolve(idleService()),
      inspectWal: () => Promise.resolve({}),
      ...around.parts,
    },
  }
  const code = await run(argv, io)
  return { code, ...captured }
}

/** A service that listens nowhere and drains at once. */
export function idleService(failed = new Promise<Error>(() => {}), waitingEntries = 0): Service {
  return {
    flight: '127.0.0.1:1',
    catalog: '/catalog.db',
    warehouse: 'file:///warehouse',
    failed,
    waitingEntries,
    drain: () => Promise.resolve(),
  }
}
