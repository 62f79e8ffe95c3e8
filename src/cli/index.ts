/** The process around the command line: the only file here that touches it. */
import { inspectWal } from '#wal'
import { systemClock } from '../runtime/clock.ts'
import { startService } from '../service.ts'
import type { Io } from './io.ts'
import { run } from './run.ts'

const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

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
  onStop: (stop) => {
    let isStopping = false
    for (const [signal, code] of Object.entries(SIGNAL_EXIT_CODES)) {
      process.on(signal, () => {
        if (isStopping) process.exit(code)
        isStopping = true
        stop()
      })
    }
  },
  parts: { startService, inspectWal },
}

// `frazil tables | head` closes the pipe early, which is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

// Not left to the event loop: a service whose log has failed must end although it still listens.
process.exit(await run(process.argv.slice(2), io))
