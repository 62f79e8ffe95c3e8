/**
 * Names of tenants, namespaces and tables.
 *
 * Names end up in file paths, log keys, URLs and SQL of many engines, so they are drawn from the
 * set that is safe in all of them. Nothing outside this file decides what a name may be.
 */
import { ServiceError } from './errors.ts'

/** A table: whose it is, where it lives, what it is called. The tenant is the catalog (warehouse). */
export interface TableIdentifier {
  readonly tenant: string
  readonly namespace: readonly string[]
  readonly name: string
}

export const DEFAULT_TENANT = 'default'
export const DEFAULT_NAMESPACE = 'default'

/** Longest single name in characters; all allowed characters are one byte. */
export const NAME_LENGTH_MAX = 128
/** Most levels of a namespace. */
export const NAMESPACE_DEPTH_MAX = 4

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/

/** @throws ServiceError `invalid`, naming the part and the rule. */
export function checkName(part: 'tenant' | 'namespace' | 'table', name: string): string {
  if (name.length > 0 && name.length <= NAME_LENGTH_MAX && NAME.test(name)) return name
  throw new ServiceError(
    'invalid',
    `${part} name ${printable(name)} is not allowed: use 1 to ${NAME_LENGTH_MAX} letters, digits, '_' or '-', not starting with '-'`,
    { context: { part } },
  )
}

/** @throws ServiceError `invalid` for a bad name, an empty namespace or one that is too deep. */
export function tableIdentifier(
  tenant: string,
  namespace: readonly string[],
  name: string,
): TableIdentifier {
  checkName('tenant', tenant)
  if (namespace.length === 0 || namespace.length > NAMESPACE_DEPTH_MAX) {
    throw new ServiceError('invalid', `a namespace has 1 to ${NAMESPACE_DEPTH_MAX} levels`)
  }
  for (const level of namespace) checkName('namespace', level)
  checkName('table', name)
  return { tenant, namespace: [...namespace], name }
}

/** `namespace.table`, as users write it; the tenant is left out because it comes from who asks. */
export function formatTable(identifier: TableIdentifier): string {
  return [...identifier.namespace, identifier.name].join('.')
}

/** @throws ServiceError `invalid` for what {@link tableIdentifier} refuses. */
export function parseTable(tenant: string, dotted: string): TableIdentifier {
  const parts = dotted.split('.')
  const name = parts.pop() ?? ''
  return tableIdentifier(tenant, parts.length > 0 ? parts : [DEFAULT_NAMESPACE], name)
}

function printable(name: string): string {
  const shown = name.length > 40 ? `${name.slice(0, 40)}… (${name.length} characters)` : name
  return JSON.stringify(shown)
}
