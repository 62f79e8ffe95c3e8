/**
 * One SQLite file, opened so that what was committed survives power loss.
 *
 * Promises: write-ahead journal and full synchronisation are set and checked; a transaction that
 * fails tells whether it can have happened; nothing is read from or written to a file that was
 * removed or replaced under its name. Waiting for another process's lock yields to the event loop
 * between short tries.
 * Does not know: tables of catalogs. Not for network file systems, where SQLite's locks lie.
 */
import { statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ServiceError } from '../errors.ts'
import type { Clock } from '../runtime/clock.ts'
import { DurableDirectories } from '../storage/durable-directories.ts'

/** SQLite waits inside the call, and the whole process with it: so briefly. */
const BUSY_TIMEOUT_MS = 10
const ATTEMPTS_MAX = 60
const RETRY_CAP_MS = 100
const SYNCHRONOUS_FULL = 2
const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6
const SQLITE_CORRUPT = 11
const SQLITE_NOT_A_DATABASE = 26

export interface SqliteOptions {
  readonly path: string
  readonly clock: Pick<Clock, 'sleep'>
}

export class SqliteDatabase {
  readonly #path: string
  readonly #clock: Pick<Clock, 'sleep'>
  readonly #file: string
  #database: DatabaseSync | undefined

  private constructor(database: DatabaseSync, { path, clock }: SqliteOptions) {
    this.#database = database
    this.#file = fileAt(path)
    this.#path = path
    this.#clock = clock
  }

  /**
   * Makes the file and its directory where they are missing.
   *
   * @throws ServiceError `unavailable`, `corrupt`, `overloaded` (locked for too long), or
   * `unsupported` when the place cannot keep what it is given.
   */
  static async open(options: SqliteOptions): Promise<SqliteDatabase> {
    const path = resolve(options.path)
    try {
      await new DurableDirectories().ensure(dirname(path))
      const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
      const opened = new SqliteDatabase(database, { ...options, path })
      try {
        await opened.#retry(() => configure(database, path))
      } catch (error) {
        await opened.close()
        throw error
      }
      return opened
    } catch (error) {
      throw toDatabaseError(error, path)
    }
  }

  /** Without a transaction. @throws ServiceError `overloaded`, `unavailable`, `corrupt`, `closed`. */
  async read<T>(work: (database: DatabaseSync) => T): Promise<T> {
    try {
      return await this.#retry(work)
    } catch (error) {
      throw toDatabaseError(error, this.#path)
    }
  }

  /**
   * All of `work` or nothing; durable when it resolves. `work` may run again after a lock.
   *
   * @throws ServiceError `overloaded`, `corrupt`, `closed`: nothing was changed. `unavailable`:
   * the end of the transaction failed, and it may show up once the disk is well again.
   */
  transact<T>(work: (database: DatabaseSync) => T): Promise<T> {
    return this.#retry((database) => {
      let result: T
      try {
        database.exec('BEGIN IMMEDIATE')
        result = work(database)
      } catch (error) {
        abandon(database)
        throw isLocked(error) ? error : toUnchanged(error, this.#path)
      }
      try {
        database.exec('COMMIT')
      } catch (cause) {
        // Its frames may be in the journal on disk, where the next opening would find them.
        abandon(database)
        const message = `whether catalog ${this.#path} kept a change is not known`
        throw new ServiceError('unavailable', message, { cause })
      }
      return result
    })
  }

  async close(): Promise<void> {
    const database = this.#database
    this.#database = undefined
    database?.close()
  }

  /** SQLite goes on with a file that has no name any more, and it is gone when the process ends. */
  #refuseIfReplaced(): void {
    if (fileAt(this.#path) === this.#file) return
    throw new ServiceError(
      'corrupt',
      `catalog ${this.#path} was removed or replaced while it was open; nothing was written: put the file back and start again`,
    )
  }

  /** Runs `work` without a pause inside, again for as long as another process holds the lock. */
  async #retry<T>(work: (database: DatabaseSync) => T): Promise<T> {
    let locked: unknown
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      if (attempt > 0) await this.#clock.sleep(Math.min(RETRY_CAP_MS, 2 ** attempt))
      const database = this.#database
      if (!database) throw new ServiceError('closed', `catalog ${this.#path} is closed`)
      this.#refuseIfReplaced()
      try {
        return work(database)
      } catch (error) {
        if (!isLocked(error)) throw error
        locked = error
      }
    }
    throw new ServiceError(
      'overloaded',
      `another process holds the lock of catalog ${this.#path}; nothing was written: try again`,
      { cause: locked },
    )
  }
}

/** What tells one file from the next of its name; empty when there is none. */
function fileAt(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? '' : `${found.dev}:${found.ino}`
}

/** Set and asked back: some places accept the words and do something else. */
function configure(database: DatabaseSync, path: string): void {
  const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode']
  database.exec('PRAGMA synchronous = FULL')
  const synchronous = database.prepare('PRAGMA synchronous').get()?.['synchronous']
  if (mode === 'wal' && synchronous === SYNCHRONOUS_FULL) return
  throw new ServiceError(
    'unsupported',
    `catalog ${path} cannot be made durable (journal ${String(mode)}, synchronous ${String(synchronous)}): put it on a local disk`,
  )
}

function abandon(database: DatabaseSync): void {
  // SQLite has often rolled back already, or the transaction never began.
  if (database.isTransaction) database.exec('ROLLBACK')
}

function isLocked(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === SQLITE_BUSY || code === SQLITE_LOCKED
}

function toUnchanged(error: unknown, path: string): ServiceError {
  const mapped = toDatabaseError(error, path)
  if (mapped.kind !== 'unavailable') return mapped
  return new ServiceError('overloaded', `${mapped.message}; nothing was written`, { cause: error })
}

function toDatabaseError(error: unknown, path: string): ServiceError {
  if (error instanceof ServiceError) return error
  const code = sqliteCode(error)
  const isDamaged = code === SQLITE_CORRUPT || code === SQLITE_NOT_A_DATABASE
  const message = error instanceof Error ? error.message : String(error)
  return new ServiceError(isDamaged ? 'corrupt' : 'unavailable', `catalog ${path}: ${message}`, {
    cause: error,
  })
}

/** The primary code: the low byte of SQLite's extended ones. */
function sqliteCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined
  return typeof code === 'number' ? code & 0xff : undefined
}
