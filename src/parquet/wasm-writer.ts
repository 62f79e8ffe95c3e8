/** parquet-wasm, and the only file that knows it. Its memory grows and never shrinks. */
import {
  Compression,
  EnabledStatistics,
  Table,
  WriterPropertiesBuilder,
  wasmMemory,
  writeParquet,
} from 'parquet-wasm'
import { VERSION } from '../runtime/version.ts'
import type { WriteParquet } from './encode-job.ts'
import type { CompressionCodec } from './encoder.ts'

const CODECS: Readonly<Record<CompressionCodec, Compression>> = {
  uncompressed: Compression.UNCOMPRESSED,
  snappy: Compression.SNAPPY,
  gzip: Compression.GZIP,
  lz4_raw: Compression.LZ4_RAW,
  zstd: Compression.ZSTD,
}

/** @throws WebAssembly.RuntimeError when it panics; other errors for input that it refuses. */
export const writeWithWasm: WriteParquet = (stream, { compression, rowGroupRowsMax }) => {
  const properties = new WriterPropertiesBuilder()
    .setCompression(CODECS[compression])
    // Per column chunk only: page indexes have met readers that trip over them.
    .setStatisticsEnabled(EnabledStatistics.Chunk)
    .setMaxRowGroupSize(rowGroupRowsMax)
    // The specification's form: readers that cannot parse it drop the statistics of text columns.
    .setCreatedBy(`frazil version ${VERSION} (build parquet-rs)`)
    .build()
  try {
    return writeParquet(Table.fromIPCStream(stream), properties)
  } catch (error) {
    if (error instanceof Error) throw error
    // wasm-bindgen throws what Rust gave it, which may be a bare string.
    throw new RangeError(String(error), { cause: error })
  }
}

export function wasmMemoryBytes(): number {
  return wasmMemory().buffer.byteLength
}
