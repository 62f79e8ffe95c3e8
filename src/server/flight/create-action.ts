/**
 * The body of the action `create` → a request.
 *
 *     {"namespace": …, "table": "t", "schema": "<base64 of an IPC schema message>",
 *      "partition_by": […], "sort_by": […], "properties": {…}, "identifier_fields": […]}
 *
 * The words are those of a descriptor's command; those that are about a stream have no place here.
 */
import { ServiceError } from '../../errors.ts'
import type { StreamRequest } from '../../ingest/ingest.ts'
import { asObject, parseJson, stringifyJson } from '../../json.ts'
import { readDescriptor } from './descriptor.ts'

const OF_STREAMS = ['create', 'plan', 'ack', 'producer_id', 'sequence']

/** @throws ServiceError `invalid`. */
export function readCreation(tenant: string, body: Uint8Array): StreamRequest {
  const command = parseBody(body)
  const misplaced = OF_STREAMS.find((key) => key in command)
  if (misplaced !== undefined) {
    throw new ServiceError('invalid', `${JSON.stringify(misplaced)} is not for the action create`)
  }
  if (command['schema'] === undefined) {
    throw new ServiceError(
      'invalid',
      'the action create needs "schema": an Arrow IPC schema message in base64',
    )
  }
  // A creation is what a plan is asked about, and then done.
  const cmd = Buffer.from(stringifyJson({ ...command, plan: true }))
  const { table, create, planned } = readDescriptor(tenant, { type: 'cmd', cmd, path: [] })
  return {
    table,
    schema: planned ?? new Uint8Array(),
    isCreationAllowed: true,
    ...(create && { create }),
  }
}

function parseBody(body: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = parseJson(Buffer.from(body).toString('utf8'))
  } catch (cause) {
    throw new ServiceError('invalid', 'the body of create is not JSON', { cause })
  }
  const command = asObject(value)
  if (command === undefined) throw new ServiceError('invalid', 'the body of create is an object')
  return command
}
