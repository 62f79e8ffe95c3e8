import { expect } from 'chai'
import { decodeLz4Block, decodeLz4Frame } from '../../../src/arrow/lz4.ts'
import { xxh32 } from '../../../src/arrow/xxh32.ts'
import { expectRefusal } from '../../support/arrow-ipc.ts'

const CONTENT_SIZE = 0x08
const CHECKSUMS = 0x14

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0)
  return bytes
}

/** A frame of the given blocks; `stored` ones are not compressed. */
function frame(options: {
  flags?: number
  blocks: readonly { bytes: readonly number[]; stored?: boolean }[]
  content?: Uint8Array
  size?: number
}): Uint8Array {
  const { flags = 0, blocks, content, size = content?.length ?? 0 } = options
  const sizeBytes = Buffer.alloc(flags & CONTENT_SIZE ? 8 : 0)
  if (sizeBytes.length > 0) sizeBytes.writeBigUInt64LE(BigInt(size))
  const descriptor = Buffer.concat([Buffer.from([0x40 | flags, 0x40]), sizeBytes])
  const parts = blocks.flatMap(({ bytes, stored }) => [
    uint32(bytes.length + (stored ? 0x80000000 : 0)),
    Buffer.from(bytes),
    flags & CHECKSUMS ? uint32(xxh32(Buffer.from(bytes))) : Buffer.alloc(0),
  ])
  return Buffer.concat([
    uint32(0x184d2204),
    descriptor,
    Buffer.from([(xxh32(descriptor) >>> 8) & 0xff]),
    ...parts,
    uint32(0),
    flags & CHECKSUMS ? uint32(xxh32(content ?? Buffer.alloc(0))) : Buffer.alloc(0),
  ])
}

const HELLO = Buffer.from('hello')
const STORED = { bytes: [...HELLO], stored: true }

describe('LZ4 frames', () => {
  it('have the checksum that the format names', () => {
    expect(xxh32(Buffer.from(''))).to.equal(0x02cc5d05)
    expect(xxh32(Buffer.from('abc'))).to.equal(0x32d153ff)
    expect(xxh32(Buffer.from('Nobody inspects the spammish repetition'))).to.equal(0xe2293b2f)
  })

  it('are decoded with every checksum and a content size', () => {
    const target = new Uint8Array(5)
    decodeLz4Frame(
      frame({ flags: CHECKSUMS | CONTENT_SIZE, blocks: [STORED], content: HELLO }),
      target,
    )
    expect(Buffer.from(target).toString()).to.equal('hello')
  })

  it('may repeat what they have just written, across blocks too', () => {
    // "ab", then 10 bytes from 2 back; in the next block 4 bytes from 12 back.
    const blocks = [{ bytes: [0x26, 0x61, 0x62, 2, 0] }, { bytes: [0x00, 12, 0, 0x10, 0x7a] }]
    const target = new Uint8Array(17)
    decodeLz4Frame(frame({ blocks }), target)
    expect(Buffer.from(target).toString()).to.equal('ababababababababz')
  })

  it('may have long literals and long matches', () => {
    const literals = Array.from({ length: 300 }, (_, i) => i & 0xff)
    const bytes = [0xff, 255, 30, ...literals, 44, 1, 255, 6, 0x10, 7]
    const target = new Uint8Array(300 + 280 + 1)
    expect(decodeLz4Block(Uint8Array.from(bytes), target, 0)).to.equal(581)
    expect([...target]).to.deep.equal([...literals, ...literals.slice(0, 280), 7])
  })

  const damaged: readonly [string, Uint8Array, RegExp][] = [
    ['without a header', new Uint8Array(11), /no frame header/],
    ['of another version', frame({ flags: 0x80, blocks: [STORED] }), /version/],
    ['with a dictionary', frame({ flags: 0x01, blocks: [STORED] }), /dictionary/],
    [
      'of another content size',
      frame({ flags: CONTENT_SIZE, blocks: [STORED], size: 6 }),
      /content size/,
    ],
    ['without an end', frame({ blocks: [STORED] }).subarray(0, -4), /no end/],
    [
      'with something behind the end',
      Buffer.concat([frame({ blocks: [STORED] }), HELLO]),
      /behind its end/,
    ],
    ['with a block beyond the end', frame({ blocks: [STORED] }).subarray(0, -6), /block beyond/],
    [
      'of fewer bytes',
      frame({ blocks: [{ ...STORED, bytes: [1, 2] }] }),
      /2 bytes instead of the 5/,
    ],
    ['of more bytes', frame({ blocks: [STORED, STORED] }), /more than the 5/],
    [
      'with a match before the beginning',
      frame({ blocks: [{ bytes: [0x10, 1, 2, 0] }] }),
      /before its beginning/,
    ],
    [
      'with a match of offset 0',
      frame({ blocks: [{ bytes: [0x10, 1, 0, 0] }] }),
      /before its beginning/,
    ],
    [
      'with a match beyond the target',
      frame({ blocks: [{ bytes: [0x1f, 1, 1, 0, 255, 255, 0] }] }),
      /more than/,
    ],
    [
      'with literals beyond the target',
      frame({ blocks: [{ bytes: [0x60, 1, 2, 3, 4, 5, 6] }] }),
      /more than/,
    ],
    [
      'with literals beyond the block',
      frame({ blocks: [{ bytes: [0x40, 1] }] }),
      /literals beyond/,
    ],
    ['with an endless length', frame({ blocks: [{ bytes: [0xf0, 255, 255] }] }), /does not end/],
    ['with half an offset', frame({ blocks: [{ bytes: [0x10, 1, 1] }] }), /without its offset/],
  ]
  for (const [what, bytes, pattern] of damaged) {
    it(`are refused ${what}`, () => {
      expectRefusal(() => decodeLz4Frame(bytes, new Uint8Array(5)), pattern)
    })
  }

  it('are refused when any bit of them is wrong and they have checksums', () => {
    const good = frame({ flags: CHECKSUMS | CONTENT_SIZE, blocks: [STORED], content: HELLO })
    for (let bit = 0; bit < good.length * 8; bit++) {
      // The maximum block size is in the header checksum, reserved bits too.
      const bytes = Uint8Array.from(good)
      bytes[bit >>> 3] = (bytes[bit >>> 3] as number) ^ (1 << (bit & 7))
      expectRefusal(() => decodeLz4Frame(bytes, new Uint8Array(5)), /LZ4 frame/)
    }
  })
})
