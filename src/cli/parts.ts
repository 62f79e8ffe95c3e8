/** The parts of the service that the command line runs inside its own process. */
import { ServiceError } from '../errors.ts'
import type { ServiceParts } from './io.ts'

export const parts: ServiceParts = {
  runService: () => Promise.reject(missing('the service')),
  inspectWal: () => Promise.reject(missing('the log')),
}

function missing(what: string): ServiceError {
  return new ServiceError('unsupported', `${what} is not part of this build`)
}
