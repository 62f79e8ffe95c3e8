/**
 * Locations: what a store accepts as the name of an object.
 *
 * A location is a URI whose path is taken as it stands, never decoded, because Iceberg readers
 * disagree about decoding. So every character that a reader could decode, split at or normalise
 * is refused here, and no location can climb out of the place that it names.
 */
import { ServiceError } from '../errors.ts'

const FILE_SCHEME = 'file://'
const URI = /^[a-z][a-z0-9+.-]*:\/\/(.*)$/s
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const FORBIDDEN_CHARACTERS = /[\u0000-\u001f\u007f%?#\\]/
const LOCATION_LENGTH_MAX = 4096

/** @throws ServiceError `invalid` for what is not a plain location of one object. */
export function checkLocation(location: string): string {
  return check(location, location)
}

/** As {@link checkLocation}, but a prefix may end in a slash. @throws ServiceError `invalid`. */
export function checkPrefix(prefix: string): string {
  check(prefix, prefix.endsWith('/') ? prefix.slice(0, -1) : prefix)
  return prefix
}

/** The absolute path that a `file:///…` location names. @throws ServiceError `invalid`. */
export function pathOfLocation(location: string): string {
  if (!location.startsWith(`${FILE_SCHEME}/`)) {
    throw invalid(location, 'the file store takes file:///absolute/path')
  }
  return location.slice(FILE_SCHEME.length)
}

/** The location of an absolute path. @throws ServiceError `invalid` for a path without a name. */
export function locationOfPath(path: string): string {
  if (!path.startsWith('/')) throw invalid(path, 'the path must be absolute')
  return checkLocation(`${FILE_SCHEME}${path.replace(/\/+$/, '')}`)
}

function check(given: string, location: string): string {
  if (location.length > LOCATION_LENGTH_MAX) {
    throw invalid(given, `it is longer than ${LOCATION_LENGTH_MAX} characters`)
  }
  const path = URI.exec(location)?.[1]
  if (path === undefined) throw invalid(given, 'it must be a URI such as file:///warehouse/t')
  if (FORBIDDEN_CHARACTERS.test(path)) {
    throw invalid(given, "it holds a control character or one of '%', '?', '#', '\\'")
  }
  // A file location starts with the empty authority, which is not a segment of its path.
  const segments = (path.startsWith('/') ? path.slice(1) : path).split('/')
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw invalid(given, "its path has an empty, '.' or '..' segment")
  }
  return given
}

function invalid(location: string, why: string): ServiceError {
  const shown = location.length > 200 ? `${location.slice(0, 200)}…` : location
  return new ServiceError('invalid', `location ${JSON.stringify(shown)} is refused: ${why}`)
}
