/** Little-endian numbers and short texts, one after the other: the insides of control frames. */

const INITIAL_BYTES = 4_096
const TEXT_BYTES_MAX = 65_535

export class ByteWriter {
  #bytes = Buffer.alloc(INITIAL_BYTES)
  #length = 0

  u32(value: number): this {
    this.#room(4).writeUInt32LE(value, this.#length)
    this.#length += 4
    return this
  }

  u64(value: bigint | number): this {
    this.#room(8).writeBigUInt64LE(BigInt(value), this.#length)
    this.#length += 8
    return this
  }

  text(value: string): this {
    const encoded = Buffer.from(value)
    if (encoded.length > TEXT_BYTES_MAX) throw new RangeError('text is too long for the format')
    this.#room(2 + encoded.length).writeUInt16LE(encoded.length, this.#length)
    encoded.copy(this.#bytes, this.#length + 2)
    this.#length += 2 + encoded.length
    return this
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  #room(length: number): Buffer {
    if (this.#length + length > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length + length))
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    return this.#bytes
  }
}

/** Throws RangeError on reading past the end. */
export class ByteReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  u32(): number {
    const value = this.#bytes.readUInt32LE(this.#at)
    this.#at += 4
    return value
  }

  u64(): bigint {
    const value = this.#bytes.readBigUInt64LE(this.#at)
    this.#at += 8
    return value
  }

  /** A u64 that is known to stay below 2^53. */
  safe(): number {
    return Number(this.u64())
  }

  text(): string {
    const start = this.#at + 2
    const end = start + this.#bytes.readUInt16LE(this.#at)
    if (end > this.#bytes.length) throw new RangeError('text runs past the end')
    this.#at = end
    return this.#bytes.toString('utf8', start, end)
  }
}
