/** `frazil serve`: runs the service until it is told to stop, or cannot keep its promises. */
import type { Command } from 'commander'
import { countExternalMemoryAsHeap } from '../runtime/collector.ts'
import type { Service } from '../service.ts'
import type { Context } from './context.ts'
import { EXIT } from './io.ts'

export function addServe(
  program: Command,
  context: Context,
  setExitCode: (code: number) => void,
): void {
  program
    .command('serve')
    .description('run the service in the foreground; SIGTERM drains, a second one stops at once')
    .action(async () => setExitCode(await serve(context)))
}

async function serve(context: Context): Promise<number> {
  countExternalMemoryAsHeap()
  const { io, options } = context
  const stopped = Promise.withResolvers<void>()
  io.onStop(stopped.resolve)
  const service = await io.parts.startService(context.config().config)
  io.stdout.write(options.output === 'json' ? readyLine(service) : readyText(service))
  const failure =
    (await Promise.race([stopped.promise, service.failed])) ?? (await drain(context, service))
  if (failure === undefined) return EXIT.ok
  // What was acknowledged is in the log; the next start replays it.
  context.note(`the log has failed and nothing more is acknowledged: ${failure.message}`)
  return EXIT.logFailed
}

/** Resolves with what made the log fail meanwhile. */
async function drain(context: Context, service: Service): Promise<Error | undefined> {
  context.note('draining')
  const failure = await Promise.race([service.failed, service.drain()])
  if (failure instanceof Error) return failure
  const { waitingEntries } = service
  const waiting = `; ${waitingEntries} batches wait in the log and are committed after the next start`
  context.note(`stopped${waitingEntries === 0 ? '' : waiting}`)
  return undefined
}

/** For programs that start a service and need its address. */
function readyLine({ flight, catalog, warehouse }: Service): string {
  return `${JSON.stringify({ ready: true, flight, catalog, warehouse })}\n`
}

/** Not indented, so that the three lines can be pasted into Python as they are. */
function readyText({ flight, catalog, warehouse }: Service): string {
  return `frazil is ready
  flight     grpc://${flight}
  catalog    ${catalog}
  warehouse  ${warehouse}

Send something from Python:

import pyarrow as pa, pyarrow.flight as fl; batch = pa.record_batch({"id": [1, 2, 3], "name": ["a", "b", "c"]})
client = fl.connect("grpc://${flight}"); writer, _ = client.do_put(fl.FlightDescriptor.for_path("events"), batch.schema)
writer.write_batch(batch); writer.close()

`
}
