/**
 * Pure: a FlightDescriptor → the table that it names, and what the caller wants of the stream.
 *
 *     PATH  [table] | [namespace…, table]
 *     CMD   namespace.table
 *     CMD   {"namespace": "a.b" | ["a", "b"], "table": "t", "create": true,
 *            "partition_by": ["day(ts)", "region"], "sort_by": ["ts desc nulls last"],
 *            "properties": {"k": "v"}, "identifier_fields": ["id"],
 *            "ack": "durable" | "committed", "producer_id": "p", "sequence": 0}
 *
 * With GetSchema, and there only, `"plan": true, "schema": "<base64 of an IPC schema message>"` asks
 * what a stream of that schema would do.
 *
 * A key that is not in this list is refused by its name: a misspelt option must not be ignored.
 */
import { ServiceError } from '../../errors.ts'
import type { StreamRequest } from '../../ingest/ingest.ts'
import { asObject, parseJson } from '../../json.ts'
import {
  DEFAULT_NAMESPACE,
  parseTable,
  type TableIdentifier,
  tableIdentifier,
} from '../../names.ts'
import type { FlightDescriptor } from './flight-data.ts'
import { parsePartition } from './partition-by.ts'
import { parseSort } from './sort-by.ts'
import {
  type AckLevel,
  checkAck,
  checkProducerId,
  checkSequence,
  type Producer,
} from './stream-options.ts'

export interface Target {
  readonly table: TableIdentifier
  readonly isCreationAllowed: boolean
  readonly create: StreamRequest['create']
  readonly ack: AckLevel | undefined
  readonly producer: Producer | undefined
  /** The schema of a stream that is only asked about: a flatbuffer `Message`. */
  readonly planned: Uint8Array | undefined
}

/** Room for the schema of a stream that is asked about. */
const COMMAND_BYTES_MAX = 4 * 1024 * 1024
/** Continuation mark and length, before the flatbuffer of an encapsulated message. */
const IPC_PREFIX_BYTES = 8
const KEYS = new Set([
  'namespace',
  'table',
  'create',
  'partition_by',
  'sort_by',
  'properties',
  'identifier_fields',
  'plan',
  'schema',
  'ack',
  'producer_id',
  'sequence',
])
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** @throws ServiceError `invalid`; `unsupported` for a command of Flight SQL. */
export function readDescriptor(tenant: string, descriptor: FlightDescriptor): Target {
  switch (descriptor.type) {
    case 'path':
      return plain(tableOfPath(tenant, descriptor.path))
    case 'cmd':
      return readCommand(tenant, descriptor.cmd)
    default:
      throw new ServiceError(
        'invalid',
        'the descriptor is neither a path nor a command: name the table as a path, such as ["events"]',
      )
  }
}

/** The descriptor under which a table is listed. */
export function descriptorOf(table: TableIdentifier): FlightDescriptor {
  return { type: 'path', path: [...table.namespace, table.name], cmd: new Uint8Array(0) }
}

export function isSameDescriptor(a: FlightDescriptor, b: FlightDescriptor): boolean {
  return (
    a.type === b.type &&
    Buffer.compare(a.cmd, b.cmd) === 0 &&
    a.path.length === b.path.length &&
    a.path.every((part, i) => part === b.path[i])
  )
}

function tableOfPath(tenant: string, path: readonly string[]): TableIdentifier {
  const name = path.at(-1)
  if (name === undefined) throw new ServiceError('invalid', 'the descriptor has an empty path')
  const namespace = path.slice(0, -1)
  return tableIdentifier(tenant, namespace.length > 0 ? namespace : [DEFAULT_NAMESPACE], name)
}

function readCommand(tenant: string, cmd: Uint8Array): Target {
  if (cmd.length === 0) throw new ServiceError('invalid', 'the descriptor has an empty command')
  if (cmd.length > COMMAND_BYTES_MAX) {
    throw new ServiceError('invalid', `a command has at most ${COMMAND_BYTES_MAX} bytes`)
  }
  if (isAny(cmd)) {
    throw new ServiceError(
      'unsupported',
      'Flight SQL is not offered: write with DoPut and a path, and read by attaching a query engine to the table',
    )
  }
  const text = decodeText(cmd)
  return text.trimStart().startsWith('{')
    ? readJsonCommand(tenant, text)
    : plain(parseTable(tenant, text))
}

function readJsonCommand(tenant: string, text: string): Target {
  const command = parseCommand(text)
  for (const key of Object.keys(command)) {
    if (!KEYS.has(key)) {
      throw invalid(
        `unknown key ${JSON.stringify(key.slice(0, 40))}; known are ${[...KEYS].join(', ')}`,
      )
    }
  }
  const { namespace, table, create = true, ack } = command
  if (typeof table !== 'string') throw invalid('"table" must be a text')
  if (typeof create !== 'boolean') throw invalid('"create" must be true or false')
  return {
    table: tableIdentifier(tenant, readNamespace(namespace), table),
    isCreationAllowed: create,
    create: readCreation(command),
    ack: ack === undefined ? undefined : checkAck(ack),
    producer: readProducer(command),
    planned: readPlanned(command),
  }
}

/** For calls that do what the descriptor says. @throws ServiceError `invalid` */
export function refusePlanned({ planned }: Target): void {
  if (planned !== undefined) throw invalid('"plan" is for GetSchema: leave it out to send')
}

function readPlanned({ plan, schema }: Readonly<Record<string, unknown>>): Uint8Array | undefined {
  if (plan !== undefined && typeof plan !== 'boolean') {
    throw invalid('"plan" must be true or false')
  }
  if (plan !== true) {
    if (schema !== undefined) throw invalid('"schema" needs "plan": true beside it')
    return undefined
  }
  if (typeof schema !== 'string' || !BASE64.test(schema)) {
    throw invalid('"plan" needs "schema": an Arrow IPC schema message in base64')
  }
  const bytes = Buffer.from(schema, 'base64')
  const isEncapsulated = bytes.length >= IPC_PREFIX_BYTES && bytes.readInt32LE(0) === -1
  if (!isEncapsulated) return bytes
  return bytes.subarray(IPC_PREFIX_BYTES, IPC_PREFIX_BYTES + bytes.readUInt32LE(4))
}

function parseCommand(text: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = parseJson(text)
  } catch (cause) {
    throw new ServiceError('invalid', 'the command starts like JSON and is not JSON', { cause })
  }
  const command = asObject(value)
  if (command === undefined) throw invalid('it must be an object')
  return command
}

function readNamespace(value: unknown): readonly string[] {
  if (value === undefined) return [DEFAULT_NAMESPACE]
  if (typeof value === 'string') return value.split('.')
  if (isTexts(value)) return value
  throw invalid('"namespace" must be a text or a list of texts')
}

function readCreation(command: Readonly<Record<string, unknown>>): StreamRequest['create'] {
  const { partition_by: partitionBy, sort_by: sortBy, properties } = command
  const { identifier_fields: identifierFields } = command
  const asked = [partitionBy, sortBy, properties, identifierFields]
  if (asked.every((value) => value === undefined)) return undefined
  if (partitionBy !== undefined && !isTexts(partitionBy)) {
    throw invalid('"partition_by" must be a list of texts, such as ["day(ts)", "region"]')
  }
  if (sortBy !== undefined && !isTexts(sortBy)) {
    throw invalid('"sort_by" must be a list of texts, such as ["ts desc nulls last"]')
  }
  if (identifierFields !== undefined && !isTexts(identifierFields)) {
    throw invalid('"identifier_fields" must be a list of texts, such as ["id"]')
  }
  return {
    ...(identifierFields === undefined ? {} : { identifierFields }),
    ...(partitionBy === undefined ? {} : { partitionBy: partitionBy.map(parsePartition) }),
    ...(sortBy === undefined ? {} : { sortBy: sortBy.map(parseSort) }),
    ...(properties === undefined ? {} : { properties: readProperties(properties) }),
  }
}

function readProperties(value: unknown): Readonly<Record<string, string>> {
  const properties = asObject(value)
  if (properties === undefined || !isTexts(Object.values(properties))) {
    throw invalid('"properties" must be an object whose values are texts')
  }
  return properties as Readonly<Record<string, string>>
}

function readProducer(command: Readonly<Record<string, unknown>>): Producer | undefined {
  const { producer_id: id, sequence } = command
  if (id === undefined) {
    if (sequence !== undefined) throw invalid('"sequence" needs "producer_id" beside it')
    return undefined
  }
  return {
    id: checkProducerId(id),
    sequence: sequence === undefined ? undefined : checkSequence(sequence, '"sequence"'),
  }
}

/** Whether the bytes are a `google.protobuf.Any`, in which Flight SQL wraps its commands. */
function isAny(cmd: Uint8Array): boolean {
  const url = Buffer.from(cmd.buffer, cmd.byteOffset, Math.min(cmd.length, 64)).toString('latin1')
  return cmd[0] === 0x0a && url.includes('type.googleapis.com/')
}

function decodeText(cmd: Uint8Array): string {
  try {
    return utf8.decode(cmd)
  } catch (cause) {
    throw new ServiceError('invalid', 'the command is not UTF-8', { cause })
  }
}

function plain(table: TableIdentifier): Target {
  return {
    table,
    isCreationAllowed: true,
    create: undefined,
    ack: undefined,
    producer: undefined,
    planned: undefined,
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function invalid(reason: string): ServiceError {
  return new ServiceError('invalid', `the command cannot be followed: ${reason}`)
}
