/** `frazil/client`: the public door. What is not exported here may change without notice. */

import './node-version.ts'

export { type ErrorKind, ServiceError } from '../errors.ts'
export { connect, type FrazilClient, type ListedTable } from './client.ts'
export type { EncodedBatch } from './frames.ts'
export type {
  AckLevel,
  ArrowPart,
  ArrowSource,
  ClientOptions,
  PlanOptions,
  Progress,
  PutOptions,
  PutResult,
} from './options.ts'
export type { PlannedColumn, TablePlan } from './plan.ts'
export { type IpcBatches, readIpcFile } from './read-ipc.ts'
export type { TableWriter } from './writer.ts'
