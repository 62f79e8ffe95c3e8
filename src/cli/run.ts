/**
 * The command line: arguments in, exit code out.
 *
 * Promises: data goes to stdout and messages to stderr; a failure is one sentence with its remedy
 * and one of the documented codes, never a stack (but for `FRAZIL_LOG_LEVEL=debug`).
 * Does not know: the process. Nothing here exits, reads the environment or installs a handler.
 */
import { Command, CommanderError, Option } from 'commander'
import { WalError } from '#wal'
import { ServiceError, toServiceError, unreachable } from '../errors.ts'
import { VERSION } from '../runtime/version.ts'
import { addConfig } from './config.ts'
import { Context, collect } from './context.ts'
import { addCreate } from './create.ts'
import { addDescribe } from './describe.ts'
import { addFlush } from './flush.ts'
import { CliError, EXIT, type Io } from './io.ts'
import { addPlan } from './plan.ts'
import { addPut } from './put.ts'
import { addServe } from './serve.ts'
import { addSnapshots } from './snapshots.ts'
import { addTables } from './tables.ts'
import { addVersion } from './version.ts'
import { addWal } from './wal.ts'

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 configuration invalid, 4 the log is in use,
5 service unavailable, 6 done in part, 7 data corrupt, 8 the log's disk failed, 130 interrupted.`

export async function run(argv: readonly string[], io: Io): Promise<number> {
  const program = new Command('frazil')
  const context = new Context(io, program)
  let code: number = EXIT.ok
  program
    .description('Arrow record batches in over Flight, an Apache Iceberg table out, nothing lost.')
    .version(VERSION, '--version', 'show the version')
    .option('--address <address>', 'the service, as host:port (FRAZIL_ADDRESS)')
    .option('--tenant <name>', 'whose tables (FRAZIL_TENANT)')
    .addOption(
      new Option('--output <format>', 'how results are shown')
        .choices(['table', 'json'])
        .default('table'),
    )
    .option('--config <file>', 'configuration file (FRAZIL_CONFIG, ./frazil.yaml)')
    .option('--set <key=value>', 'one setting, such as flight.port=9000; repeatable', collect)
    .option('--no-color', 'no colours (NO_COLOR)')
    .option('--quiet', 'no progress and no notes')
    .addHelpText('after', EXIT_CODES)
    .showHelpAfterError('(--help shows what is possible)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    })
  addServe(program, context, (exitCode) => {
    code = exitCode
  })
  for (const add of [addCreate, addPut, addPlan, addTables, addDescribe, addSnapshots, addFlush])
    add(program, context)
  for (const add of [addWal, addConfig, addVersion]) add(program, context)
  try {
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (thrown) {
    return report(thrown, context)
  }
}

function report(thrown: unknown, context: Context): number {
  if (thrown instanceof CommanderError) {
    // Commander has said what is wrong; asked-for help is no failure.
    return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage
  }
  const error = thrown instanceof CliError ? thrown : (fromLog(thrown) ?? toServiceError(thrown))
  const { stderr, environment } = context.io
  stderr.write(`${context.colors().red('error:')} ${error.message}\n`)
  if (environment['FRAZIL_LOG_LEVEL'] === 'debug') stderr.write(`${error.stack}\n`)
  return error instanceof ServiceError ? exitCodeOf(error) : error.exitCode
}

/** A log that cannot be opened or read, with the code that says why. */
function fromLog(thrown: unknown): CliError | undefined {
  if (!(thrown instanceof WalError)) return undefined
  return new CliError(walExitCode(thrown), thrown.message.replace(/^wal: /, ''), thrown)
}

function walExitCode({ kind }: WalError): number {
  switch (kind) {
    case 'corrupt':
      return EXIT.corrupt
    case 'io':
      return EXIT.logFailed
    case 'locked':
      return EXIT.locked
    case 'closed':
    case 'full':
      return EXIT.unavailable
    case 'too-large':
    case 'out-of-sequence':
    case 'invalid':
      return EXIT.failure
    default:
      return unreachable(kind)
  }
}

function exitCodeOf({ kind, cause }: ServiceError): number {
  if (cause instanceof WalError) return walExitCode(cause)
  switch (kind) {
    case 'unavailable':
    case 'closed':
    case 'overloaded':
      return EXIT.unavailable
    case 'corrupt':
      return EXIT.corrupt
    default:
      return EXIT.failure
  }
}
