/** Chance as an argument: every identifier that Frazil invents is made here. */
import { randomBytes, randomUUID } from 'node:crypto'
import { ulid } from 'ulid'

export interface Ids {
  ulid(): string
  uuid(): string
  /** A positive int64 below 2^53: legal for Iceberg, and exact for readers that use doubles. */
  snapshotId(): bigint
}

const SNAPSHOT_ID_BITS = 53n

export const randomIds: Ids = {
  ulid: () => ulid(),
  uuid: () => randomUUID(),
  snapshotId: () => {
    const random = BigInt.asUintN(Number(SNAPSHOT_ID_BITS), randomBytes(8).readBigUInt64BE())
    return random === 0n ? 1n : random
  },
}

/** In [0, 1), for jitter only. */
export const systemRandom = (): number => Math.random()
