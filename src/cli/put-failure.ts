/**
 * What a put that failed tells: which file it was, what of them is stored, how to go on.
 *
 * Pure. What was acknowledged stays, and it is always the beginning of what was sent.
 */
import { type ErrorKind, ServiceError, toServiceError } from '../errors.ts'
import type { InputFile, Reading } from './input-files.ts'
import { CliError, EXIT } from './io.ts'

export interface FailedPut {
  readonly files: readonly InputFile[]
  readonly reading: Reading
  /** Acknowledged. */
  readonly rows: number
  readonly producerId: string
  readonly isInterrupted: boolean
}

/** Kinds that are the fault of what was sent: the others would only mislead with a file's name. */
const OF_THE_FILE: readonly ErrorKind[] = ['invalid', 'schema-mismatch', 'too-large', 'unsupported']

export function explainPut(thrown: unknown, put: FailedPut): Error {
  const error = toServiceError(thrown)
  const { whole, rest } = storedOf(put)
  const file = put.files[whole]?.path
  const isBlamed = OF_THE_FILE.includes(error.kind) && !put.isInterrupted
  const isNamed = file === undefined || !isBlamed || error.message.includes(file)
  const reason = put.isInterrupted ? 'interrupted' : error.message
  const message = isNamed ? reason : `${file}: ${reason}`
  const told = [message, ...storedWords(whole, rest, isBlamed), remedy(put)].join('; ')
  if (put.isInterrupted) {
    return new CliError(EXIT.interrupted, put.rows > 0 ? told : message, error)
  }
  if (put.rows > 0) return new CliError(EXIT.partial, told, error)
  const { kind, context, cause } = error
  return isNamed ? error : new ServiceError(kind, message, { context, cause })
}

/** How many files are stored whole, and how many rows of the one after them. */
function storedOf({ files, reading, rows }: FailedPut): { whole: number; rest: number } {
  // The last one that was begun failed if reading did.
  const read = reading.failure === undefined ? files.length : reading.rows.length - 1
  let whole = 0
  let rest = rows
  for (; whole < read; whole++) {
    const ofFile = reading.rows[whole]
    if (ofFile === undefined || ofFile > rest || (rest === 0 && ofFile === 0)) break
    rest -= ofFile
  }
  return { whole, rest }
}

function storedWords(whole: number, rest: number, isBlamed: boolean): string[] {
  const before = whole === 1 ? 'the 1 file before it is' : `the ${whole} files before it are`
  const first = whole === 1 ? 'the first file is' : `the first ${whole} files are`
  const rows = `${rest} ${rest === 1 ? 'row' : 'rows'} of ${whole > 0 && !isBlamed ? 'the next' : 'it'}`
  return [
    ...(whole > 0 ? [`${isBlamed ? before : first} stored`] : []),
    ...(rest > 0 ? [`${rows} ${rest === 1 ? 'is' : 'are'} stored`] : []),
  ]
}

function remedy({ producerId }: FailedPut): string {
  return `repeat the same command with --producer-id ${producerId} to send only the others`
}
