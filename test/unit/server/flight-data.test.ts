import { expect } from 'chai'
import * as fc from 'fast-check'
import { ServiceError } from '../../../src/errors.ts'
import { messages } from '../../../src/server/flight/contract.ts'
import {
  decodeFlightData,
  encodeFlightData,
  type FlightData,
  PATH_PARTS_MAX,
} from '../../../src/server/flight/flight-data.ts'

interface Reference {
  flight_descriptor: { type: string; cmd: Buffer; path: string[] } | null
  data_header: Buffer
  app_metadata: Buffer
  data_body: Buffer
}

const text = fc.string({ unit: 'grapheme', maxLength: 12 }).map((value) => value.toWellFormed())
const bytes = fc.uint8Array({ maxLength: 300 })
const data = fc.record({
  descriptor: fc.option(
    fc.record({
      type: fc.constantFrom('unknown' as const, 'path' as const, 'cmd' as const),
      path: fc.array(text, { maxLength: 5 }),
      cmd: bytes,
    }),
    { nil: undefined },
  ),
  header: bytes,
  appMetadata: bytes,
  body: bytes,
})

describe('flight data codec', () => {
  it('reads what it writes, and what protobufjs writes', () => {
    fc.assert(
      fc.property(data, (value) => {
        const own = encodeFlightData(value)
        expectSame(decodeFlightData(own), value)
        const reference = messages.flightData.serialize({
          ...(value.descriptor === undefined
            ? {}
            : {
                flight_descriptor: {
                  ...value.descriptor,
                  type: value.descriptor.type.toUpperCase(),
                },
              }),
          data_header: value.header,
          app_metadata: value.appMetadata,
          data_body: value.body,
        })
        expectSame(decodeFlightData(reference), value)
      }),
    )
  })

  it('writes what protobufjs reads', () => {
    fc.assert(
      fc.property(data, (value) => {
        const read = messages.flightData.deserialize(encodeFlightData(value)) as Reference
        expect(Buffer.compare(read.data_body, value.body)).to.equal(0)
        expect(Buffer.compare(read.data_header, value.header)).to.equal(0)
        expect(read.flight_descriptor?.path).to.deep.equal(value.descriptor?.path)
      }),
    )
  })

  it('takes fields in any order, and skips the ones it does not know', () => {
    const message = Buffer.concat([
      field(1000, Buffer.from('body')),
      Buffer.from([0x20, 0xff, 0x01]), // field 4, a varint
      Buffer.from([0x29, 1, 2, 3, 4, 5, 6, 7, 8]), // field 5, eight bytes
      Buffer.from([0x35, 1, 2, 3, 4]), // field 6, four bytes
      field(77, Buffer.from('unknown')),
      field(2, Buffer.from('header')),
    ])
    const read = decodeFlightData(message)
    expect(Buffer.from(read.body).toString()).to.equal('body')
    expect(Buffer.from(read.header).toString()).to.equal('header')
    expect(read.bytes).to.equal(message.length)
  })

  it('copies neither header nor body', () => {
    const message = encodeFlightData({
      descriptor: undefined,
      header: Buffer.from('header'),
      appMetadata: Buffer.alloc(0),
      body: Buffer.alloc(1000, 1),
    })
    const { header, body } = decodeFlightData(message)
    expect(header.buffer).to.equal(message.buffer)
    expect(body.buffer).to.equal(message.buffer)
  })

  it('refuses or reads any bytes, and reads nothing beyond them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (hostile) => {
        expectRefusedOrInside(hostile)
      }),
      { numRuns: 3_000 },
    )
  })

  it('refuses or reads every message with one byte changed or its end cut off', () => {
    const message = encodeFlightData({
      descriptor: { type: 'path', path: ['a', 'bc'], cmd: Buffer.from('x') },
      header: Buffer.from('header'),
      appMetadata: Buffer.from('{}'),
      body: Buffer.from('body'),
    })
    for (let at = 0; at < message.length; at += 1) {
      expectRefusedOrInside(message.subarray(0, at))
      for (let value = 0; value < 256; value += 1) {
        const changed = Buffer.from(message)
        changed[at] = value
        expectRefusedOrInside(changed)
      }
    }
  })

  const hostile: readonly [string, Buffer][] = [
    ['a length beyond the message', Buffer.from([0x12, 0x05, 1, 2])],
    ['a length of almost 2^64', Buffer.from('12ffffffffffffffffff01', 'hex')],
    ['a number without an end', Buffer.alloc(11, 0xff)],
    ['a tag without a value', Buffer.from([0x12])],
    ['field 0', Buffer.from([0x02, 0x00])],
    ['a group', Buffer.from([0x13])],
    ['a fixed field that is cut off', Buffer.from([0x29, 1, 2])],
    ['a path that is not UTF-8', field(1, field(3, Buffer.from([0xff])))],
    [
      'a path of too many parts',
      field(
        1,
        Buffer.concat(Array.from({ length: PATH_PARTS_MAX + 1 }, () => field(3, Buffer.alloc(0)))),
      ),
    ],
  ]
  for (const [name, message] of hostile) {
    it(`refuses ${name}`, () => {
      expect(() => decodeFlightData(message))
        .to.throw(ServiceError)
        .with.property('kind', 'invalid')
    })
  }
})

function expectSame(read: FlightData, value: Omit<FlightData, 'bytes'>): void {
  expect(Buffer.compare(read.header, value.header)).to.equal(0)
  expect(Buffer.compare(read.appMetadata, value.appMetadata)).to.equal(0)
  expect(Buffer.compare(read.body, value.body)).to.equal(0)
  expect(read.descriptor?.type).to.equal(value.descriptor?.type)
  expect(read.descriptor?.path).to.deep.equal(value.descriptor?.path)
  const cmd = value.descriptor?.cmd ?? Buffer.alloc(0)
  expect(Buffer.compare(read.descriptor?.cmd ?? Buffer.alloc(0), cmd)).to.equal(0)
}

function expectRefusedOrInside(message: Uint8Array): void {
  try {
    const { header, body, appMetadata } = decodeFlightData(message)
    for (const view of [header, body, appMetadata]) {
      if (view.length === 0) continue
      expect(view.buffer).to.equal(message.buffer)
      expect(view.byteOffset + view.length).to.be.at.most(message.byteOffset + message.length)
    }
  } catch (thrown) {
    expect(thrown).to.be.instanceOf(ServiceError).with.property('kind', 'invalid')
  }
}

function field(number: number, value: Buffer): Buffer {
  const tag = number * 8 + 2
  const head = tag < 128 ? [tag] : [(tag % 128) | 128, Math.floor(tag / 128)]
  return Buffer.concat([Buffer.from([...head, value.length]), value])
}
