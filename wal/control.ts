/**
 * The payloads of control frames ⇄ values: checkpoint, trim, release.
 *
 * A checkpoint carries forward all that frames before it said and that is not an entry's own
 * bytes, so that it and the frames after it are the whole truth about the log.
 */
import { ByteReader, ByteWriter } from './bytes.ts'

/** A segment that still held live entries when the checkpoint was made. */
export interface SegmentRecord {
  readonly ordinal: number
  readonly firstFrame: number
  readonly lastFrame: number
  /** Offset behind its last valid frame. What stands after it was never acknowledged. */
  readonly end: number
}

export interface KeyRecord {
  readonly key: string
  readonly lastSequence: bigint
  readonly trimmedThrough: bigint
}

export interface ProducerRecord {
  readonly key: string
  readonly id: string
  readonly last: bigint
  /** Log sequences of its last numbers, the newest at the end. 0n: not known. */
  readonly sequences: readonly bigint[]
}

export interface Checkpoint {
  /** Size of the file that the checkpoint stands in: a shorter file has been cut. */
  readonly fileBytes: number
  readonly segments: readonly SegmentRecord[]
  readonly keys: readonly KeyRecord[]
  /** Least recently used first. */
  readonly producers: readonly ProducerRecord[]
}

export function encodeCheckpoint(checkpoint: Checkpoint): Buffer {
  const writer = new ByteWriter().u64(checkpoint.fileBytes)
  writer.u32(checkpoint.segments.length)
  for (const { ordinal, firstFrame, lastFrame, end } of checkpoint.segments) {
    writer.u64(ordinal).u64(firstFrame).u64(lastFrame).u64(end)
  }
  writer.u32(checkpoint.keys.length)
  for (const { key, lastSequence, trimmedThrough } of checkpoint.keys) {
    writer.text(key).u64(lastSequence).u64(trimmedThrough)
  }
  writer.u32(checkpoint.producers.length)
  for (const { key, id, last, sequences } of checkpoint.producers) {
    writer.text(key).text(id).u64(last).u32(sequences.length)
    for (const sequence of sequences) writer.u64(sequence)
  }
  return writer.finish()
}

export function decodeCheckpoint(bytes: Buffer): Checkpoint {
  const reader = new ByteReader(bytes)
  const fileBytes = reader.safe()
  const segments = times(reader.u32(), () => ({
    ordinal: reader.safe(),
    firstFrame: reader.safe(),
    lastFrame: reader.safe(),
    end: reader.safe(),
  }))
  const keys = times(reader.u32(), () => ({
    key: reader.text(),
    lastSequence: reader.u64(),
    trimmedThrough: reader.u64(),
  }))
  const producers = times(reader.u32(), () => ({
    key: reader.text(),
    id: reader.text(),
    last: reader.u64(),
    sequences: times(reader.u32(), () => reader.u64()),
  }))
  return { fileBytes, segments, keys, producers }
}

export function encodeTrim(through: bigint): Buffer {
  return new ByteWriter().u64(through).finish()
}

export function decodeTrim(bytes: Buffer): bigint {
  return new ByteReader(bytes).u64()
}

/** Ordinals whose files may be overwritten or removed once this is on disk. */
export function encodeRelease(ordinals: readonly number[]): Buffer {
  const writer = new ByteWriter().u32(ordinals.length)
  for (const ordinal of ordinals) writer.u64(ordinal)
  return writer.finish()
}

export function decodeRelease(bytes: Buffer): number[] {
  const reader = new ByteReader(bytes)
  return times(reader.u32(), () => reader.safe())
}

function times<T>(count: number, make: () => T): T[] {
  const made: T[] = []
  for (let i = 0; i < count; i++) made.push(make())
  return made
}
