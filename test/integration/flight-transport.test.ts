import { once } from 'node:events'
import { connect } from 'node:http2'
import { gzipSync } from 'node:zlib'
import { Server, status } from '@grpc/grpc-js'
import { expect } from 'chai'
import { DO_PUT_PATH } from '../../src/server/flight/contract.ts'
import { encodeFlightData } from '../../src/server/flight/flight-data.ts'
import {
  raiseConnectionWindows,
  raiseStreamWindows,
} from '../../src/server/flight/http2-windows.ts'
import {
  batch,
  type FlightFixture,
  type PutCall,
  pathTo,
  putOutcome,
  SCHEMA,
  startFixture,
} from '../support/flight-client.ts'

const KIB = 1024
const MIB = 1024 * KIB
const EMPTY = new Uint8Array(0)

describe('flight: transport', () => {
  let fixture: FlightFixture

  afterEach(() => fixture.close())

  describe('HTTP/2 windows', () => {
    it('are announced to a real client, for streams, frames and the connection', async () => {
      fixture = await startFixture({ windowBytes: 3 * MIB, frameBytes: 192 * KIB })
      const session = connect(`http://${fixture.server.address}`)
      const [settings] = await once(session, 'remoteSettings')
      expect(settings.initialWindowSize, 'grpc-js moved commonServerOptions').to.equal(3 * MIB)
      expect(settings.maxFrameSize).to.equal(192 * KIB)
      expect(settings.maxConcurrentStreams).to.equal(1_000)
      await ping(session)
      expect(session.state.remoteWindowSize, 'grpc-js moved http2Servers').to.equal(3 * MIB)
      session.close()
      await once(session, 'close')
    })

    it('are reported as not raised when the fields have moved', () => {
      const moved = {} as unknown as Server
      const options = { windowBytes: MIB, frameBytes: 64 * KIB }
      expect(raiseStreamWindows(moved, options)).to.equal(false)
      expect(raiseConnectionWindows(moved, options)).to.equal(false)
      expect(raiseConnectionWindows(new Server(), options)).to.equal(false)
    })
  })

  describe('back-pressure', () => {
    it('keeps the bytes in flight bounded while the log is stalled, then takes everything', async () => {
      const bytesMax = 4 * MIB
      fixture = await startFixture({
        inflightBytesMax: bytesMax,
        inflightBatchesPerStreamMax: 1_000,
        windowBytes: 64 * KIB,
      })
      const { services, server, client } = fixture
      services.isHolding = true
      const size = 256 * KIB
      const streams = 4
      const perStream = 32
      const calls = Array.from({ length: streams }, () => {
        const call = client.put()
        call.write({ descriptor: pathTo('orders'), ...SCHEMA })
        for (let i = 0; i < perStream; i += 1) call.write(batch(size))
        call.end()
        return { call, outcome: putOutcome(call) }
      })
      await services.until(() => services.appends.length >= bytesMax / size - streams)
      let largest = 0
      for (let i = 0; i < 200; i += 1) {
        await turn()
        largest = Math.max(largest, server.inflightBytes)
      }
      expect(largest).to.be.greaterThan(bytesMax / 2)
      expect(largest).to.be.below(bytesMax + streams * (size + 2 * KIB))
      expect(services.appends.length).to.be.below(streams * perStream)

      services.isHolding = false
      for (const append of services.appends) append.settle()
      for (const { outcome } of calls) {
        const { acks, error } = await outcome
        expect(error).to.equal(undefined)
        expect(acks.at(-1)).to.include({ batches: perStream })
      }
      expect(server.inflightBytes).to.equal(0)
    })

    it('keeps the batches of one stream bounded, and other streams going', async () => {
      fixture = await startFixture({ inflightBatchesPerStreamMax: 5 })
      const { services, client } = fixture
      services.isHolding = true
      const slow = client.put()
      slow.on('error', () => {})
      write(slow, 50)
      await services.until(() => services.appends.length === 5)
      for (let i = 0; i < 50; i += 1) await turn()
      expect(services.appends).to.have.length(5)
      services.isHolding = false
      const other = client.put()
      write(other, 5)
      other.end()
      expect((await putOutcome(other)).error).to.equal(undefined)
      slow.cancel()
    })

    it('forgets what a cancelled client sent and nobody took', async () => {
      fixture = await startFixture({ inflightBytesMax: MIB })
      const { services, server, client } = fixture
      services.isHolding = true
      const call = client.put()
      call.on('error', () => {})
      call.write({ descriptor: pathTo('orders'), ...SCHEMA })
      for (let i = 0; i < 20; i += 1) call.write(batch(128 * KIB))
      await services.until(() => services.appends.length >= 7)
      call.cancel()
      while (server.inflightBytes > 0 || server.openStreams > 0) {
        for (const append of services.appends) append.settle()
        await turn()
      }
      services.isHolding = false
      const next = client.put()
      write(next, 3)
      next.end()
      expect((await putOutcome(next)).error).to.equal(undefined)
    })
  })

  it('takes messages that gRPC compressed, and survives ones that only say so', async () => {
    fixture = await startFixture()
    const opening = encodeFlightData({
      descriptor: pathTo('orders'),
      header: SCHEMA.header,
      appMetadata: EMPTY,
      body: EMPTY,
    })
    const good = await rawPut(fixture.server.address, gzipSync(opening))
    expect(good['grpc-status']).to.equal('0')
    expect(fixture.services.requests).to.have.length(1)
    const bad = await rawPut(fixture.server.address, Buffer.from('this is not gzip'))
    expect(bad['grpc-status']).to.equal(String(status.INTERNAL))
  })

  it('refuses bytes that are no FlightData with INVALID_ARGUMENT', async () => {
    fixture = await startFixture()
    const trailers = await rawPut(fixture.server.address, gzipSync(Buffer.from([0x12, 0xff])))
    expect(trailers['grpc-status']).to.equal(String(status.INVALID_ARGUMENT))
    expect(String(trailers['grpc-message'])).to.contain('not%20a%20FlightData')
  })

  describe('drain', () => {
    it('ends a quiet stream with what is durable acknowledged and UNAVAILABLE', async () => {
      fixture = await startFixture()
      const { services, server, client } = fixture
      const call = client.put()
      const outcome = putOutcome(call)
      write(call, 2)
      await services.until(() => services.appends.length === 2)
      await server.drain()
      const { acks, error } = await outcome
      expect(acks.at(-1)).to.include({ batches: 2 })
      expect(error?.code).to.equal(status.UNAVAILABLE)
    })

    it('lets a stream finish whose batches are still on their way to the disk', async () => {
      fixture = await startFixture()
      const { services, server, client } = fixture
      services.isHolding = true
      const call = client.put()
      const outcome = putOutcome(call)
      write(call, 1)
      call.end()
      await services.until(() => services.appends.length === 1)
      const drained = server.drain()
      await turn()
      services.appends[0]?.settle()
      const { acks, error } = await outcome
      expect(error).to.equal(undefined)
      expect(acks.at(-1)).to.include({ batches: 1 })
      await drained
    })

    it('ends what waits for a commit with its durable acknowledgement', async () => {
      fixture = await startFixture({ drainMs: 0 })
      const { services, server, client } = fixture
      services.committed = new Promise(() => {})
      const call = client.put({ 'x-frazil-ack': 'committed' })
      const outcome = putOutcome(call)
      write(call, 1)
      call.end()
      await services.until(() => services.awaited.length === 1)
      await server.drain()
      const { acks, error } = await outcome
      expect(acks.at(-1)).to.include({ batches: 1 })
      expect(error?.code).to.equal(status.UNAVAILABLE)
    })

    it('takes no new calls, and can be asked for twice', async () => {
      fixture = await startFixture()
      const { server, client } = fixture
      await Promise.all([server.drain(), server.drain()])
      const call = client.put()
      write(call, 1)
      const { error } = await putOutcome(call)
      expect(error?.code).to.equal(status.UNAVAILABLE)
    })
  })
})

function write(call: PutCall, batches: number): void {
  call.write({ descriptor: pathTo('orders'), ...SCHEMA })
  for (let i = 0; i < batches; i += 1) call.write(batch())
}

function ping(session: ReturnType<typeof connect>): Promise<void> {
  return new Promise((resolve, reject) => {
    session.ping((error) => (error === null ? resolve() : reject(error)))
  })
}

/** One message with the flag that says gzip, by hand, and the trailers that came back. */
async function rawPut(address: string, message: Buffer): Promise<Record<string, unknown>> {
  const session = connect(`http://${address}`)
  const stream = session.request({
    ':method': 'POST',
    ':path': DO_PUT_PATH,
    'content-type': 'application/grpc',
    'grpc-encoding': 'gzip',
    te: 'trailers',
  })
  const frame = Buffer.alloc(5)
  frame.writeUInt8(1, 0)
  frame.writeUInt32BE(message.length, 1)
  stream.end(Buffer.concat([frame, message]))
  stream.resume()
  let trailers: Record<string, unknown> = {}
  stream.on('response', (headers) => (trailers = { ...trailers, ...headers }))
  stream.on('trailers', (headers) => (trailers = { ...trailers, ...headers }))
  await once(stream, 'close')
  session.close()
  return trailers
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
