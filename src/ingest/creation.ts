/**
 * Pure: the table that a stream would create, from its schema and from what the client asked for
 * besides.
 */
import {
  EVOLUTION_POLICIES,
  EVOLUTION_PROPERTY,
  isEvolutionPolicy,
} from '../arrow/evolution-policy.ts'
import type { CreateTableRequest } from '../catalog/catalog.ts'
import { ServiceError } from '../errors.ts'
import { withIdentifiers } from '../iceberg/identifiers.ts'
import { schemaDefect } from '../iceberg/schema-json.ts'
import type { Schema } from '../iceberg/types.ts'
import { describeProblem, writeSettings } from '../iceberg/write-settings.ts'
import type { CreationRequest } from './ingest.ts'
import { partitionSpecFor } from './partition-request.ts'
import { sortOrderFor } from './sort-request.ts'

/** As Iceberg's own clients name it; the metadata has a member for it and no property. */
const FORMAT_PROPERTY = 'format-version'

/** @throws ServiceError `invalid` for a version that is not written. */
export function formatVersionOf(request: CreationRequest | undefined): 2 | 3 {
  const version = request?.properties?.[FORMAT_PROPERTY] ?? '2'
  if (version === '2' || version === '3') return version === '2' ? 2 : 3
  throw new ServiceError(
    'invalid',
    `property ${FORMAT_PROPERTY} is ${JSON.stringify(version.slice(0, 20))}: "2" and "3" are written`,
  )
}

/** @throws ServiceError `invalid`, naming what does not fit the schema. */
export function creationOf(
  schema: Schema,
  properties: Readonly<Record<string, string>>,
  request: CreationRequest = {},
): CreateTableRequest & { readonly formatVersion: 2 | 3 } {
  const { [FORMAT_PROPERTY]: _, ...asked } = request.properties ?? {}
  const policy = asked[EVOLUTION_PROPERTY]
  if (policy !== undefined && !isEvolutionPolicy(policy)) {
    throw new ServiceError(
      'invalid',
      `property ${EVOLUTION_PROPERTY} is ${JSON.stringify(policy.slice(0, 20))}: use ${EVOLUTION_POLICIES.join(', ')}`,
    )
  }
  const formatVersion = formatVersionOf(request)
  const identified = withIdentifiers(schema, request.identifierFields ?? [])
  const defect = schemaDefect(identified, formatVersion)
  if (defect !== undefined) throw new ServiceError('invalid', defect)
  // Here its owner is listening: later, a property that cannot be obeyed is only a warning.
  const [problem] = writeSettings(asked, identified).problems
  if (problem !== undefined) throw new ServiceError('invalid', describeProblem(problem))
  return {
    schema: identified,
    formatVersion,
    properties: { ...properties, ...asked },
    ...(request.partitionBy && { partitionSpec: partitionSpecFor(schema, request.partitionBy) }),
    ...(request.sortBy && { sortOrder: sortOrderFor(schema, request.sortBy) }),
  }
}
