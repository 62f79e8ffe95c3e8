/** What a commit insists on, checked against the metadata that it would replace. Pure. */
import type { TableMetadata } from './types.ts'
import type { TableRequirement } from './updates.ts'

/** The reason of the first requirement that does not hold; undefined when the commit may go on. */
export function checkRequirements(
  base: TableMetadata | undefined,
  requirements: readonly TableRequirement[],
): string | undefined {
  for (const requirement of requirements) {
    const reason = failureOf(base, requirement)
    if (reason !== undefined) return reason
  }
  return undefined
}

function failureOf(
  base: TableMetadata | undefined,
  requirement: TableRequirement,
): string | undefined {
  if (requirement.type === 'assert-create') {
    return base === undefined ? undefined : 'the table exists already'
  }
  if (base === undefined) return 'the table does not exist'
  switch (requirement.type) {
    case 'assert-table-uuid':
      return same('table UUID', base['table-uuid'].toLowerCase(), requirement.uuid.toLowerCase())
    case 'assert-ref-snapshot-id': {
      const { ref } = requirement
      const head = Object.hasOwn(base.refs, ref) ? base.refs[ref]?.['snapshot-id'] : undefined
      // JSON says "must not exist" with null, which may arrive here as it is.
      return same(`head of ${ref}`, head, requirement['snapshot-id'] ?? undefined)
    }
    case 'assert-last-assigned-field-id':
      return same('last field id', base['last-column-id'], requirement['last-assigned-field-id'])
    case 'assert-current-schema-id':
      return same('current schema', base['current-schema-id'], requirement['current-schema-id'])
    case 'assert-last-assigned-partition-id':
      return same(
        'last partition id',
        base['last-partition-id'],
        requirement['last-assigned-partition-id'],
      )
    case 'assert-default-spec-id':
      return same('default spec', base['default-spec-id'], requirement['default-spec-id'])
    case 'assert-default-sort-order-id':
      return same(
        'default sort order',
        base['default-sort-order-id'],
        requirement['default-sort-order-id'],
      )
    default:
      // A requirement that nobody here can check must not be taken as met.
      return `requirement ${(requirement as TableRequirement).type} is unknown`
  }
}

function same<T extends string | number | bigint>(
  what: string,
  found: T | undefined,
  expected: T | undefined,
): string | undefined {
  if (found === expected) return undefined
  return `the ${what} is ${found ?? 'none'}, and the commit expected ${expected ?? 'none'}`
}
