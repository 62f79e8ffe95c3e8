import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import * as fc from 'fast-check'
import {
  chainedCrc,
  decodeHead,
  encodeHead,
  type FrameHead,
  frameLength,
  headLength,
} from '../../../wal/frame.ts'

const FIXTURE = new URL('../../../../test/fixtures/wal-format-1.hex', import.meta.url)

const HEAD: FrameHead = {
  kind: 'entry',
  isMoved: false,
  life: { ordinal: 7, epoch: 3n, nonce: 0x0123456789abcdefn },
  frameNumber: 41,
  durableThrough: 39,
  sequence: 12n,
  nextSequence: 13n,
  appendedAt: 1_700_000_000_123,
  key: 'tenant/täble',
  producer: { id: 'producer-1', sequence: 5n },
  definitions: [{ id: '00112233445566778899aabbccddeeff', offset: 104 }],
  payloadBytes: 5,
  payloadCrc: chainedCrc([Buffer.from('hello')]),
}

const u63 = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const heads: fc.Arbitrary<FrameHead> = fc.record({
  kind: fc.constantFrom('checkpoint', 'definition', 'entry', 'trim', 'release'),
  isMoved: fc.boolean(),
  life: fc.record({ ordinal: fc.maxSafeNat(), epoch: u64, nonce: u64 }),
  frameNumber: fc.maxSafeNat(),
  durableThrough: fc.maxSafeNat(),
  sequence: u64,
  nextSequence: u64,
  appendedAt: fc.maxSafeInteger(),
  key: fc.string({ unit: 'grapheme', maxLength: 40 }),
  producer: fc.option(
    fc.record({ id: fc.string({ unit: 'grapheme', maxLength: 40 }), sequence: u63 }),
    { nil: undefined },
  ),
  definitions: fc.array(
    fc.record({
      id: fc
        .uint8Array({ minLength: 16, maxLength: 16 })
        .map((bytes) => Buffer.from(bytes).toString('hex')),
      offset: fc.maxSafeNat(),
    }),
    { maxLength: 5 },
  ),
  payloadBytes: fc.nat({ max: 2 ** 31 }),
  payloadCrc: fc.nat({ max: 2 ** 32 - 1 }),
})

describe('frame', () => {
  it('decodes what it encoded, at any offset that is a multiple of 8', () => {
    fc.assert(
      fc.property(heads, fc.nat({ max: 9 }), (head, words) => {
        const bytes = Buffer.concat([Buffer.alloc(words * 8), encodeHead(head), Buffer.alloc(3)])
        const decoded = decodeHead(bytes, words * 8)
        expect(decoded?.head).to.deep.equal(head)
        expect(decoded?.headBytes).to.equal(headLength(head, head.definitions.length))
        expect((decoded?.headBytes ?? 1) % 8).to.equal(0)
      }),
    )
  })

  it('decodes the frozen bytes of format version 1', () => {
    const bytes = Buffer.from(readFileSync(FIXTURE, 'utf8').replaceAll(/#.*|\s/g, ''), 'hex')
    const decoded = decodeHead(bytes, 0)
    expect(decoded?.head).to.deep.equal(HEAD)
    const start = decoded?.headBytes ?? 0
    const payload = bytes.subarray(start, start + HEAD.payloadBytes)
    expect(payload.toString()).to.equal('hello')
    expect(frameLength(start, HEAD.payloadBytes)).to.equal(bytes.length)
    expect(encodeHead(HEAD)).to.deep.equal(bytes.subarray(0, start))
  })

  it('takes no head with any one bit changed', () => {
    const bytes = encodeHead(HEAD)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes)
      damaged.writeUInt8(damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      expect(decodeHead(damaged, 0), `bit ${bit}`).to.equal(undefined)
    }
  })

  it('takes no head that is cut short', () => {
    const bytes = encodeHead(HEAD)
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeHead(bytes.subarray(0, length), 0), `${length} bytes`).to.equal(undefined)
    }
  })
})
