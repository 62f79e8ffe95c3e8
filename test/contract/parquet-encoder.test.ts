import { createWorkerEncoder } from '../../src/parquet/worker-encoder.ts'
import { parquetEncoderContract } from './parquet-encoder.contract.ts'

parquetEncoderContract('the worker encoder', () =>
  createWorkerEncoder({ workers: 1, workerBytesMax: 1024 ** 3 }),
)
