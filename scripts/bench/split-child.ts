/**
 * Frazil's half of `split.py`: splits and sorts the batch of an Arrow stream when told to.
 *
 *     node split-child.js PLAN.json     then case names on stdin, milliseconds on stdout
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { StructColumn } from '../../src/arrow/kernels/column.ts'
import type { PartitionField, Schema, SortField } from '../../src/iceberg/types.ts'
import { arrange } from '../../src/parquet/arrange.ts'
import { entryDecoder } from '../../src/parquet/decode-entry.ts'
import { ipcStream } from '../../src/parquet/ipc-stream.ts'
import { sortKeys } from '../../src/parquet/sort-keys.ts'
import { splitter } from '../../src/parquet/split.ts'
import { targetSchemaMessage } from '../../src/parquet/target-schema.ts'
import { boundedUnpack } from '../../src/parquet/unpack.ts'
import { writeWithWasm } from '../../src/parquet/wasm-writer.ts'
import { entriesOfStream } from '../../test/support/parquet-arrow.ts'

interface Case {
  readonly stream: string
  readonly partitionBy: readonly PartitionField[]
  readonly sortBy: readonly SortField[]
  /** Write the result as Parquet too. */
  readonly encodes: boolean
}

interface Plan {
  readonly schema: Schema
  /** Of every Arrow field, depth first. */
  readonly fieldIds: readonly number[]
  readonly cases: Readonly<Record<string, Case>>
}

const [planFile = ''] = process.argv.slice(2)
const plan = JSON.parse(readFileSync(planFile, 'utf8')) as Plan
const batches = new Map<string, StructColumn>()
const message = targetSchemaMessage(plan.schema)

function load(stream: string): StructColumn {
  const known = batches.get(stream)
  if (known) return known
  const [entry] = entriesOfStream(readFileSync(stream), plan.fieldIds)
  if (!entry) throw new Error(`${stream} has no batch`)
  const batch = entryDecoder(plan.schema, boundedUnpack(2 ** 31))(entry)
  batches.set(stream, batch)
  return batch
}

function run({ stream, partitionBy, sortBy, encodes }: Case): number {
  const rows = load(stream)
  const begin = performance.now()
  const split = splitter(plan.schema, { 'spec-id': 1, fields: partitionBy })
  const keys = sortKeys(plan.schema, { 'order-id': 1, fields: sortBy })
  for (const { batches } of arrange([{ rows, partitions: split.number(rows) }], keys)) {
    if (!encodes) continue
    const settings = { compression: 'zstd', rowGroupRowsMax: 1_048_576 } as const
    writeWithWasm(ipcStream(message, batches), settings)
  }
  return performance.now() - begin
}

for await (const name of createInterface({ input: process.stdin })) {
  const chosen = plan.cases[name]
  if (!chosen) throw new Error(`no case ${name}`)
  process.stdout.write(`${run(chosen)}\n`)
}
