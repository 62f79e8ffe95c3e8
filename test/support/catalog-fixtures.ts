/** Small helpers for the tests of storage and catalogs. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ServiceError } from '../../src/errors.ts'

/** The kind of the ServiceError that a promise rejects with; throws for anything else. */
export async function kindOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof ServiceError) return error.kind
    throw error
  }
  throw new Error('it was expected to fail, and did not')
}

export async function scratchDirectory(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'frazil-catalog-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}
