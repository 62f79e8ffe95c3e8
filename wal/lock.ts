/**
 * One process per log: an exclusive SQLite transaction on a file of its own.
 *
 * The kernel releases it when the process dies, however it dies. SQLite, unlike a plain fcntl lock,
 * keeps it when the same process opens and closes the file a second time.
 */
import { DatabaseSync } from 'node:sqlite'
import { WalError } from './errors.ts'

const SQLITE_BUSY = 5

/** Returns what releases the lock. @throws WalError `locked`, `io`. */
export function takeLock(path: string): () => void {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    // No journal beside it: nothing is ever written to this file.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    if (isBusy(error)) {
      throw new WalError('locked', `${path} is held by another process; stop that one first`, {
        cause: error,
      })
    }
    throw new WalError('io', `cannot lock ${path}`, { cause: error })
  }
  const held = database
  return () => held.close()
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}
