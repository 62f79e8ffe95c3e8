/**
 * Pure: what a caller says beside the data, in request headers and in app_metadata.
 *
 *     x-tenant-id, x-scope-orgid   whose tables; the default tenant when absent
 *     x-frazil-producer-id         names the producer, so that its retries are recognised
 *     x-frazil-sequence            the number of the first batch; each further one is one more
 *     x-frazil-ack                 `durable`, or `committed`: the last ack waits for the snapshot
 *     app_metadata                 {"producer_id": "…", "sequence": n}, on each batch or the first message
 */
import { ServiceError } from '../../errors.ts'
import { asObject, parseJson } from '../../json.ts'
import { checkName, DEFAULT_TENANT } from '../../names.ts'

export type AckLevel = 'durable' | 'committed'

export interface Producer {
  readonly id: string
  readonly sequence: bigint | undefined
}

export interface StreamOptions {
  readonly tenant: string
  readonly producer: Producer | undefined
  readonly ack: AckLevel | undefined
}

/** What one message's app_metadata says of the producer. */
export interface ProducerNote {
  readonly id: string | undefined
  readonly sequence: bigint | undefined
}

/** The request headers: grpc-js's Metadata, as far as it matters here. */
export interface Headers {
  get(name: string): readonly (string | Uint8Array)[]
}

/** Longest producer id in characters. */
export const PRODUCER_ID_LENGTH_MAX = 256
/** Longest app_metadata that is looked into; longer ones are the caller's own business. */
const NOTE_BYTES_MAX = 4096
const NOTE_KEYS: readonly string[] = ['producer_id', 'sequence']
const SEQUENCE_MAX = 2n ** 63n - 1n
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** @throws ServiceError `invalid`, naming the header. */
export function readHeaders(headers: Headers): StreamOptions {
  const id = header(headers, 'x-frazil-producer-id')
  const sequence = header(headers, 'x-frazil-sequence')
  const ack = header(headers, 'x-frazil-ack')
  if (id === undefined && sequence !== undefined) {
    throw new ServiceError('invalid', 'x-frazil-sequence needs x-frazil-producer-id beside it')
  }
  return {
    tenant: readTenant(headers),
    producer:
      id === undefined
        ? undefined
        : {
            id: checkProducerId(id),
            sequence:
              sequence === undefined ? undefined : checkSequence(sequence, 'x-frazil-sequence'),
          },
    ack: ack === undefined ? undefined : checkAck(ack),
  }
}

/** @throws ServiceError `invalid` for a bad name, or two headers that name two tenants. */
export function readTenant(headers: Headers): string {
  const tenant = header(headers, 'x-tenant-id')
  const organisation = header(headers, 'x-scope-orgid')
  if (tenant !== undefined && organisation !== undefined && tenant !== organisation) {
    throw new ServiceError('invalid', 'x-tenant-id and x-scope-orgid name two tenants: send one')
  }
  return checkName('tenant', tenant ?? organisation ?? DEFAULT_TENANT)
}

/**
 * Metadata that does not start like a JSON object is the caller's own and is passed over.
 *
 * @throws ServiceError `invalid` for an object with another key, as a misspelt one would switch
 * exactly-once off without a word, and for a producer's id or number that is not one.
 */
export function readProducerNote(appMetadata: Uint8Array): ProducerNote {
  const note = noteObject(appMetadata)
  const id = note?.['producer_id']
  const sequence = note?.['sequence']
  return {
    id: id === undefined ? undefined : checkProducerId(id),
    sequence: sequence === undefined ? undefined : checkSequence(sequence, 'sequence'),
  }
}

export function checkAck(value: unknown): AckLevel {
  if (value === 'durable' || value === 'committed') return value
  throw new ServiceError('invalid', 'ack must be "durable" or "committed"')
}

export function checkProducerId(value: unknown): string {
  const isText = typeof value === 'string' && value.length > 0
  // Ill-formed text would lose its difference from other such text in the log.
  if (isText && value.length <= PRODUCER_ID_LENGTH_MAX && value.isWellFormed()) return value
  throw new ServiceError(
    'invalid',
    `a producer id is a text of 1 to ${PRODUCER_ID_LENGTH_MAX} characters`,
  )
}

/** A JSON integer, or its digits as text, which is how a header comes. */
export function checkSequence(value: unknown, name: string): bigint {
  const digits = typeof value === 'string' ? value : String(value)
  if (/^\d{1,19}$/.test(digits)) {
    const sequence = BigInt(digits)
    if (sequence <= SEQUENCE_MAX) return sequence
  }
  throw new ServiceError('invalid', `${name} must be a whole number from 0 to ${SEQUENCE_MAX}`)
}

function header(headers: Headers, name: string): string | undefined {
  const values = headers.get(name)
  if (values.length > 1) throw new ServiceError('invalid', `header ${name} is given twice`)
  const value = values[0]
  return value === undefined ? undefined : String(value)
}

function noteObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  const isObject = bytes.length <= NOTE_BYTES_MAX && bytes[0] === 0x7b
  if (!isObject) return undefined
  const note = parseNote(bytes)
  const unknown = Object.keys(note).find((key) => !NOTE_KEYS.includes(key))
  if (unknown === undefined) return note
  throw new ServiceError(
    'invalid',
    `app_metadata has the unknown key ${JSON.stringify(unknown.slice(0, 40))}; known are ${NOTE_KEYS.join(' and ')}`,
  )
}

function parseNote(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return asObject(parseJson(utf8.decode(bytes))) ?? {}
  } catch (cause) {
    throw new ServiceError(
      'invalid',
      'app_metadata starts like a JSON object and is not JSON: send {"producer_id": "…", "sequence": n}',
      { cause },
    )
  }
}
