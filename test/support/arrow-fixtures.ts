/** IPC streams that pyarrow wrote (`test/fixtures/arrow-fixtures.py`), split into messages. */
import { readFileSync } from 'node:fs'
import type { ArrowLimits } from '../../src/arrow/limits.ts'
import type { ArrowMessage } from '../../src/arrow/message.ts'
import { readMessage } from '../../src/arrow/message.ts'
import { openVerifier, type VerifiedBatch } from '../../src/arrow/verifier.ts'
import { verifySchema } from '../../src/arrow/verify-schema.ts'

export interface ArrowFixture {
  readonly name: string
  readonly rows: readonly number[]
  /** The first one has the schema. */
  readonly messages: readonly ArrowMessage[]
}

export const ARROW_LIMITS: ArrowLimits = {
  columnsMax: 2_000,
  nestingMax: 32,
  batchRowsMax: 1_000_000,
  batchBytesMax: 64 * 1024 * 1024,
  dictionaryBytesMax: 8 * 1024 * 1024,
}

interface FixtureJson {
  readonly name: string
  readonly rows: number[]
  readonly messages: { readonly metadata: string; readonly body: string }[]
}

/** The build copies no JSON, so it is read from the sources: the tests run from the repository. */
export function arrowFixtures(): readonly ArrowFixture[] {
  loaded ??= load()
  return loaded
}

let loaded: readonly ArrowFixture[] | undefined

function load(): ArrowFixture[] {
  const text = readFileSync('test/fixtures/arrow-fixtures.json', 'utf8')
  return (JSON.parse(text) as FixtureJson[]).map(({ name, rows, messages }) => ({
    name,
    rows,
    messages: messages.map(({ metadata, body }) => ({
      metadata: new Uint8Array(Buffer.from(metadata, 'base64')),
      body: new Uint8Array(Buffer.from(body, 'base64')),
    })),
  }))
}

export function arrowFixture(name: string): ArrowFixture {
  const found = arrowFixtures().find((fixture) => fixture.name === name)
  if (!found) throw new Error(`no fixture ${name}`)
  return found
}

/** Sends a whole stream through a verifier of its own. */
export function verifyStream(
  messages: readonly ArrowMessage[],
  limits: ArrowLimits = ARROW_LIMITS,
): VerifiedBatch[] {
  const [first, ...rest] = messages
  if (!first) return []
  const verifier = openVerifier({ schema: verifySchema(first.metadata, limits), limits })
  const batches: VerifiedBatch[] = []
  for (const message of rest) {
    if (readMessage(message.metadata).kind === 'dictionary') verifier.dictionary(message)
    else batches.push(verifier.batch(message))
  }
  return batches
}
