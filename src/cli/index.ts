#!/usr/bin/env node
/** The process around the command line: the only file here that touches it. */
import { systemClock } from '../runtime/clock.ts'
import type { Io } from './io.ts'
import { parts } from './parts.ts'
import { run } from './run.ts'

const io: Io = {
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  monotonic: () => systemClock.monotonic(),
  onInterrupt: () => {
    const interrupt = new AbortController()
    // A second interrupt finds no handler and ends the process at once.
    process.once('SIGINT', () => interrupt.abort())
    return interrupt.signal
  },
  parts,
}

// `frazil tables | head` closes the pipe early, which is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

process.exitCode = await run(process.argv.slice(2), io)
