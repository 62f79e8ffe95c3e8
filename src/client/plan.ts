/** A dry run: the schema that is asked about, and the server's answer as a value. */
import { MessageReader } from 'apache-arrow'
import { ServiceError } from '../errors.ts'
import { BatchEncoder, type Frame } from './frames.ts'
import { members, parseJson } from './json.ts'
import type { ArrowPart } from './options.ts'
import { readIpcBytes } from './read-ipc.ts'
import { checkArrow, isBytes, isEncoded } from './sources.ts'

/** What happens to one column. A server may add members that are not listed here. */
export interface PlannedColumn {
  readonly path: string
  readonly action:
    | 'keep'
    | 'create'
    | 'add'
    | 'widen'
    | 'make-optional'
    | 'skip'
    | 'omit'
    | 'refuse'
  /** Arrow's type; undefined for a column that only the table has. */
  readonly arrow: string | undefined
  /** Type in the table; undefined when nothing is stored. */
  readonly iceberg: string | undefined
  readonly reason: string | undefined
}

export interface TablePlan {
  readonly outcome: 'create' | 'unchanged' | 'evolve' | 'refused'
  /** Why it is refused. */
  readonly reason: string | undefined
  readonly columns: readonly PlannedColumn[]
  /** All that the server said, as its JSON. */
  readonly details: Readonly<Record<string, unknown>>
}

/** Where the server puts its answer in the metadata of the schema. */
const PLAN_KEY = 'frazil.plan'
const OUTCOMES: readonly TablePlan['outcome'][] = ['create', 'unchanged', 'evolve', 'refused']

/** Of the first part. @throws ServiceError `invalid` when there is none. */
export async function schemaOf(
  parts: Iterable<ArrowPart> | AsyncIterable<ArrowPart>,
): Promise<Frame> {
  for await (const part of parts) {
    if (isEncoded(part)) return part.schema
    if (isBytes(part)) return schemaOf(readIpcBytes(part))
    checkArrow(part)
    return new BatchEncoder().schema(part.schema)
  }
  throw new ServiceError('invalid', 'there is nothing to plan for: the source has no part')
}

/** @throws ServiceError `internal` when the answer is none. */
export function readPlan(schema: Uint8Array): TablePlan {
  const text = new MessageReader(schema).readSchema()?.metadata.get(PLAN_KEY)
  const details = members(text === undefined ? undefined : parseJson(text))
  const { outcome, reason, columns } = details
  const known = OUTCOMES.find((each) => each === outcome)
  if (known === undefined || !Array.isArray(columns)) {
    throw new ServiceError(
      'internal',
      'the server did not answer with a plan: is it as new as this?',
    )
  }
  return { outcome: known, reason: textOf(reason), columns: columns.map(readColumn), details }
}

function readColumn(value: unknown): PlannedColumn {
  const { path, action, arrow, iceberg, reason, ...others } = members(value)
  return {
    ...others,
    path: textOf(path) ?? '',
    action: textOf(action) as PlannedColumn['action'],
    arrow: textOf(arrow),
    iceberg: textOf(iceberg),
    reason: textOf(reason),
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
