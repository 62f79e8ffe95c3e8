/**
 * A Flight server for tests of the client: it remembers what arrived, recognises numbered batches
 * as the real one does, and misbehaves on request. Behind it stands a TCP proxy, so that a
 * connection can be cut as a network cuts it.
 *
 * Its codec is protobufjs, not the client's own: two of one hand would share their mistakes.
 */
import { once } from 'node:events'
import {
  type AddressInfo,
  connect,
  createServer,
  type Socket,
  type Server as TcpServer,
} from 'node:net'
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  status,
} from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'
import { tableFromIPC } from 'apache-arrow'

const field = (type: string, id: number, rule?: string) => ({ type, id, ...(rule ? { rule } : {}) })
const textMap = (id: number) => ({ ...field('string', id), keyType: 'string' })
const rpc = (requestType: string, responseType: string, requestStream = false) => ({
  requestType,
  responseType,
  requestStream,
  responseStream: true,
  comment: '',
})
const definitions = fromJSON(
  {
    nested: {
      Descriptor: {
        fields: {
          type: field('int32', 1),
          cmd: field('bytes', 2),
          path: field('string', 3, 'repeated'),
        },
      },
      FlightData: {
        fields: {
          flightDescriptor: field('Descriptor', 1),
          dataHeader: field('bytes', 2),
          appMetadata: field('bytes', 3),
          dataBody: field('bytes', 1000),
        },
      },
      PutResult: { fields: { appMetadata: field('bytes', 1) } },
      Action: { fields: { type: field('string', 1), body: field('bytes', 2) } },
      Result: { fields: { body: field('bytes', 1) } },
      Criteria: { fields: { expression: field('bytes', 1) } },
      FlightInfo: {
        fields: {
          schema: field('bytes', 1),
          flightDescriptor: field('Descriptor', 2),
          totalRecords: field('int64', 4),
          totalBytes: field('int64', 5),
        },
      },
      Any: { fields: { typeUrl: field('string', 1), value: field('bytes', 2) } },
      Status: {
        fields: {
          code: field('int32', 1),
          message: field('string', 2),
          details: field('Any', 3, 'repeated'),
        },
      },
      ErrorInfo: {
        fields: {
          reason: field('string', 1),
          domain: field('string', 2),
          metadata: textMap(3),
        },
      },
      Duration: { fields: { seconds: field('int64', 1), nanos: field('int32', 2) } },
      RetryInfo: { fields: { retryDelay: field('Duration', 1) } },
      arrow: {
        nested: {
          flight: {
            nested: {
              protocol: {
                nested: {
                  FlightService: {
                    methods: {
                      DoPut: rpc('FlightData', 'PutResult', true),
                      DoAction: rpc('Action', 'Result'),
                      ListFlights: rpc('Criteria', 'FlightInfo'),
                      Echo: rpc('Status', 'ErrorInfo'),
                      Echo2: rpc('RetryInfo', 'RetryInfo'),
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
  { longs: Number, defaults: true },
)

const service = definitions['arrow.flight.protocol.FlightService'] as unknown as Record<
  'DoPut' | 'DoAction' | 'ListFlights' | 'Echo' | 'Echo2',
  {
    requestSerialize(value: object): Buffer
    responseSerialize(value: object): Buffer
    path: string
    requestStream: boolean
    responseStream: boolean
    requestDeserialize(bytes: Buffer): unknown
    responseDeserialize(bytes: Buffer): unknown
  }
>

interface FlightData {
  flightDescriptor: { type: number; cmd: Buffer; path: string[] } | null
  dataHeader: Buffer
  appMetadata: Buffer
  dataBody: Buffer
}

export interface StoredBatch {
  readonly producer: string
  readonly sequence: number
  readonly rows: readonly Record<string, unknown>[]
}

export interface ReceivedPut {
  readonly tenant: string | undefined
  descriptor: { path?: string[]; command?: unknown } | undefined
  /** `schema`, `dictionary` or `batch` of each message. */
  readonly messages: string[]
  readonly sequences: number[]
  isHalfClosed: boolean
}

/** How one DoPut behaves; by default well. */
export interface PutPlan {
  /** Cut the connection after storing so many batches of this call, none of them acknowledged. */
  readonly cutAfter?: number
  /** Never send the final ack, nor end the call. */
  readonly isEndless?: boolean
  /** Acknowledge nothing until the promise resolves. */
  readonly hold?: Promise<void>
  /** Fail after storing so many batches. */
  readonly fail?: { after: number; code: status; reason?: string; context?: Record<string, string> }
  /** Send this instead of the right acks. */
  readonly ack?: string
  /** End the call with OK after so many batches, acknowledged, without waiting for the client. */
  readonly endAfter?: number
}

type PutStream = ServerDuplexStream<FlightData, { appMetadata: Buffer }>
type ReplyStream<Request, Reply> = ServerWritableStream<Request, Reply>

export class FakeServer {
  readonly stored: StoredBatch[] = []
  readonly puts: ReceivedPut[] = []
  readonly actions: { type: string; body: unknown; tenant: string | undefined }[] = []
  /** For the calls to come, in order. */
  plans: PutPlan[] = []
  /** Results of actions by type; an `Error` is sent as INTERNAL without details. */
  answers: Record<string, readonly string[]> = {}
  flights: { path: string[]; totalRecords: number; totalBytes: number }[] = []
  /** Most batches that were stored and not acknowledged in any call. */
  waitingMax = 0
  readonly #server = new Server({ 'grpc.max_receive_message_length': -1 })
  readonly #proxy: TcpServer
  readonly #sockets = new Set<Socket>()
  #port = 0
  #target = 0

  static async start(): Promise<FakeServer> {
    const fake = new FakeServer()
    await fake.#listen()
    return fake
  }

  private constructor() {
    this.#proxy = createServer((socket) => {
      const upstream = connect(this.#target, '127.0.0.1')
      for (const end of [socket, upstream]) {
        this.#sockets.add(end)
        end.on('error', () => {})
        end.on('close', () => this.#sockets.delete(end))
      }
      socket.pipe(upstream).pipe(socket)
    })
  }

  async #listen(): Promise<void> {
    this.#server.addService(service, {
      DoPut: (call: PutStream) => this.#doPut(call),
      DoAction: (call: ReplyStream<{ type: string; body: Buffer }, { body: Buffer }>) => {
        const { type, body } = call.request
        this.actions.push({ type, body: JSON.parse(String(body)), tenant: tenantOf(call.metadata) })
        const answer = this.answers[type]
        if (!answer) return call.emit('error', failure(status.UNIMPLEMENTED, 'UNSUPPORTED', {}))
        for (const text of answer) call.write({ body: Buffer.from(text) })
        return call.end()
      },
      ListFlights: (call: ReplyStream<object, object>) => {
        for (const { path, ...totals } of this.flights) {
          call.write({ flightDescriptor: { type: 1, path }, schema: Buffer.from('x'), ...totals })
        }
        call.end()
      },
      Echo: () => {},
      Echo2: () => {},
    })
    const credentials = ServerCredentials.createInsecure()
    this.#target = await new Promise((resolve, reject) => {
      this.#server.bindAsync('127.0.0.1:0', credentials, (error, port) =>
        error ? reject(error) : resolve(port),
      )
    })
    await this.listen()
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  /** Cuts every connection, as a killed process does. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** Nobody can connect until {@link listen}. */
  async refuse(): Promise<void> {
    const closed = once(this.#proxy, 'close')
    this.#proxy.close()
    this.cut()
    await closed
  }

  async listen(): Promise<void> {
    this.#proxy.listen(this.#port, '127.0.0.1')
    await once(this.#proxy, 'listening')
    this.#port = (this.#proxy.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    this.#server.forceShutdown()
    if (this.#proxy.listening) await this.refuse()
  }

  /** All stored rows, in the order of the log. */
  rows(): Record<string, unknown>[] {
    return this.stored.flatMap(({ rows }) => rows)
  }

  #doPut(call: PutStream): void {
    const plan = this.plans.shift() ?? {}
    const put: ReceivedPut = {
      tenant: tenantOf(call.metadata),
      descriptor: undefined,
      messages: [],
      sequences: [],
      isHalfClosed: false,
    }
    this.puts.push(put)
    call.sendMetadata(new Metadata())
    call.on('error', () => {})
    const context: Buffer[] = []
    const total = { batches: 0, rows: 0, duplicates: 0 }
    let acknowledged = 0
    let ended = false
    const acknowledge = (extra: object = {}): void => {
      if (ended) return
      acknowledged = total.batches
      const ack = { log_id: 'LOG', sequence: this.stored.length, ...total, ...extra }
      call.write({ appMetadata: Buffer.from(plan.ack ?? JSON.stringify(ack)) })
    }
    let isHeld = plan.hold !== undefined
    void plan.hold?.then(() => {
      isHeld = false
      acknowledge()
    })
    const fail = (): void => {
      if (plan.fail?.after !== total.batches || ended) return
      ended = true
      call.emit('error', failure(plan.fail.code, plan.fail.reason, plan.fail.context ?? {}))
    }
    call.on('data', (data: FlightData) => {
      if (ended) return
      put.descriptor ??= readDescriptor(data)
      const kind = kindOf(data.dataHeader)
      put.messages.push(kind)
      if (kind !== 'batch') {
        context.push(frame(data))
        return fail()
      }
      const isNew = this.#store(put, data, context, total)
      if (!isNew) total.duplicates += 1
      total.batches += 1
      this.waitingMax = Math.max(this.waitingMax, total.batches - acknowledged)
      if (plan.cutAfter === total.batches) {
        ended = true
        return this.cut()
      }
      fail()
      if (plan.endAfter === total.batches) {
        acknowledge()
        ended = true
        call.end()
      }
      if (!isHeld && plan.cutAfter === undefined) acknowledge()
    })
    call.on('end', () => {
      put.isHalfClosed = true
      if (ended || plan.isEndless) return
      void (plan.hold ?? Promise.resolve()).then(() => {
        const isCommitted = JSON.stringify(put.descriptor).includes('"ack":"committed"')
        acknowledge(isCommitted ? { snapshot_id: '9007199254740993' } : {})
        call.end()
      })
    })
  }

  #store(put: ReceivedPut, data: FlightData, context: readonly Buffer[], total: { rows: number }) {
    const note = JSON.parse(String(data.appMetadata)) as { producer_id: string; sequence: number }
    const { producer_id: producer, sequence } = note
    put.sequences.push(sequence)
    const rows = tableFromIPC(Buffer.concat([...context, frame(data)]))
      .toArray()
      .map((row) => row.toJSON() as Record<string, unknown>)
    total.rows += rows.length
    const known = this.stored.some(
      (stored) => stored.producer === producer && stored.sequence === sequence,
    )
    if (!known) this.stored.push({ producer, sequence, rows })
    return !known
  }
}

function failure(code: status, reason: string | undefined, context: Record<string, string>) {
  const metadata = new Metadata()
  if (reason !== undefined) {
    const info = service.Echo.responseSerialize({ reason, domain: 'frazil', metadata: context })
    const retry = service.Echo2.responseSerialize({ retryDelay: { seconds: 0, nanos: 1_000_000 } })
    const details = [
      { typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo', value: info },
      { typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value: retry },
    ]
    const bytes = service.Echo.requestSerialize({ code, message: 'no', details })
    metadata.set('grpc-status-details-bin', bytes)
  }
  return Object.assign(new Error('no, because'), { code, details: 'no, because', metadata })
}

function tenantOf(metadata: Metadata): string | undefined {
  return metadata.get('x-tenant-id')[0]?.toString()
}

function readDescriptor({ flightDescriptor }: FlightData) {
  if (!flightDescriptor) return {}
  return flightDescriptor.type === 1
    ? { path: flightDescriptor.path }
    : { command: JSON.parse(String(flightDescriptor.cmd)) as unknown }
}

/** The message's header type in the flatbuffer: 1 schema, 2 dictionary, 3 record batch. */
function kindOf(header: Buffer): string {
  const root = header.readInt32LE(0)
  const vtable = root - header.readInt32LE(root)
  const type = header[root + header.readUInt16LE(vtable + 6)] ?? 0
  return ['none', 'schema', 'dictionary', 'batch'][type] ?? 'unknown'
}

/** The message as it stands in an IPC stream. */
function frame({ dataHeader, dataBody }: FlightData): Buffer {
  const padded = Buffer.alloc(Math.ceil(dataHeader.length / 8) * 8)
  padded.set(dataHeader)
  const prefix = Buffer.alloc(8)
  prefix.writeInt32LE(-1, 0)
  prefix.writeInt32LE(padded.length, 4)
  return Buffer.concat([prefix, padded, dataBody])
}
