/** Pure: from a file system's error to the kind of {@link ServiceError} that tells what to do. */
import { ServiceError } from '../errors.ts'

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free space',
  EDQUOT: 'the disk quota is used up: raise it or free space',
  EIO: 'the disk failed: check it',
  EROFS: 'the file system is read-only: remount it',
  EACCES: 'permission is missing: check the owner',
  EPERM: 'the file system does not permit it: check the owner, and that it has hard links',
  EMFILE: 'too many files are open: raise the limit of open files',
  ENFILE: 'too many files are open: raise the limit of open files',
}

export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** `what` is the verb that failed; the cause is kept for the operator's log. */
export function toStoreError(error: unknown, what: string, location: string): ServiceError {
  if (error instanceof ServiceError) return error
  const code = errorCode(error)
  const detail = { cause: error, context: { location, ...(code && { code }) } }
  if (code === 'ENOENT') {
    return new ServiceError('not-found', `there is no object ${location}`, detail)
  }
  if (code === 'EEXIST') {
    return new ServiceError('already-exists', `object ${location} exists already`, detail)
  }
  if (code === 'ENAMETOOLONG') {
    return new ServiceError('invalid', `the name ${location} is too long for the disk`, detail)
  }
  const remedy = (code && REMEDIES[code]) ?? code ?? String(error)
  return new ServiceError('unavailable', `could not ${what} ${location}: ${remedy}`, detail)
}
