/**
 * Flight's messages as values, as far as a writing client speaks them (Flight.proto of Apache
 * Arrow, google/rpc/status.proto and error_details.proto).
 *
 * Pure. Does not know what the application metadata inside them says.
 */
import { bytesField, fieldsOf, text, textField, varintField } from './protobuf.ts'

/** Where a stream of batches goes. */
export type Descriptor =
  | { readonly kind: 'path'; readonly path: readonly string[] }
  | { readonly kind: 'command'; readonly command: string }

export interface FlightData {
  /** On a stream's first message only. */
  readonly descriptor?: Descriptor
  /** The flatbuffer `Message`. */
  readonly header: Uint8Array
  readonly metadata?: string
  /** In order; views, not copies. */
  readonly body: readonly Uint8Array[]
}

export interface FlightInfo {
  readonly path: readonly string[]
  /** -1 when the server does not know. */
  readonly totalRecords: bigint
  readonly totalBytes: bigint
}

export interface StatusDetails {
  readonly reason: string | undefined
  readonly metadata: Readonly<Record<string, string>>
  readonly retryDelayMs: number | undefined
}

const DESCRIPTOR_PATH = 1
const DESCRIPTOR_COMMAND = 2

export function encodeFlightData({ descriptor, header, metadata, body }: FlightData): Buffer {
  return Buffer.concat([
    ...(descriptor ? bytesField(1, descriptorParts(descriptor)) : []),
    ...bytesField(2, [header]),
    ...(metadata === undefined ? [] : textField(3, metadata)),
    ...bytesField(1000, body),
  ])
}

export function encodeDescriptor(descriptor: Descriptor): Buffer {
  return Buffer.concat(descriptorParts(descriptor))
}

function descriptorParts(descriptor: Descriptor): Uint8Array[] {
  return descriptor.kind === 'path'
    ? [...varintField(1, DESCRIPTOR_PATH), ...descriptor.path.flatMap((part) => textField(3, part))]
    : [...varintField(1, DESCRIPTOR_COMMAND), ...textField(2, descriptor.command)]
}

/** The application metadata of a `PutResult`; empty when there is none. */
export function decodePutResult(message: Uint8Array): string {
  return textAt(message, 1)
}

export function encodeAction(type: string, body: string): Buffer {
  return Buffer.concat([...textField(1, type), ...textField(2, body)])
}

/** The body of a `Result`. */
export function decodeResult(message: Uint8Array): string {
  return textAt(message, 1)
}

/** The encapsulated schema message of a `SchemaResult`. */
export function decodeSchemaResult(message: Uint8Array): Uint8Array {
  return bytesAt(message, 1)
}

export function decodeFlightInfo(message: Uint8Array): FlightInfo {
  const path: string[] = []
  let totalRecords = -1n
  let totalBytes = -1n
  for (const { number, value, bytes } of fieldsOf(message)) {
    if (number === 2) {
      for (const field of fieldsOf(bytes)) if (field.number === 3) path.push(text(field.bytes))
    }
    if (number === 4) totalRecords = BigInt.asIntN(64, value)
    if (number === 5) totalBytes = BigInt.asIntN(64, value)
  }
  return { path, totalRecords, totalBytes }
}

/** `grpc-status-details-bin`: a `google.rpc.Status` with `ErrorInfo` and `RetryInfo` in it. */
export function decodeStatusDetails(message: Uint8Array): StatusDetails {
  let reason: string | undefined
  let retryDelayMs: number | undefined
  const metadata: Record<string, string> = {}
  for (const detail of fieldsOf(message)) {
    if (detail.number !== 3) continue
    const type = textAt(detail.bytes, 1)
    for (const field of fieldsOf(bytesAt(detail.bytes, 2))) {
      if (type.endsWith('/google.rpc.ErrorInfo')) {
        if (field.number === 1) reason = text(field.bytes)
        if (field.number === 3) metadata[textAt(field.bytes, 1)] = textAt(field.bytes, 2)
      } else if (type.endsWith('/google.rpc.RetryInfo') && field.number === 1) {
        retryDelayMs = decodeDurationMs(field.bytes)
      }
    }
  }
  return { reason, metadata, retryDelayMs }
}

function decodeDurationMs(message: Uint8Array): number {
  let ms = 0
  for (const { number, value } of fieldsOf(message)) {
    if (number === 1) ms += Number(value) * 1e3
    if (number === 2) ms += Number(value) / 1e6
  }
  return ms
}

function bytesAt(message: Uint8Array, number: number): Uint8Array {
  for (const field of fieldsOf(message)) if (field.number === number) return field.bytes
  return new Uint8Array()
}

function textAt(message: Uint8Array, number: number): string {
  return text(bytesAt(message, number))
}
