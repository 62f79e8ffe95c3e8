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
import type { WriteParquet, WriterSettings } from './encode-job.ts'
import type { CompressionCodec } from './encoder.ts'

const CODECS: Readonly<Record<CompressionCodec, Compression>> = {
  uncompressed: Compression.UNCOMPRESSED,
  snappy: Compression.SNAPPY,
  gzip: Compression.GZIP,
  lz4_raw: Compression.LZ4_RAW,
  zstd: Compression.ZSTD,
}

/** @throws WebAssembly.RuntimeError when it panics; other errors for input that it refuses. */
export const writeWithWasm: WriteParquet = (stream, settings) => {
  try {
    return writeParquet(Table.fromIPCStream(stream), propertiesOf(settings).build())
  } catch (error) {
    if (error instanceof Error) throw error
    // wasm-bindgen throws what Rust gave it, which may be a bare string.
    throw new RangeError(String(error), { cause: error })
  }
}

/** Each setter consumes the builder and returns another. */
function propertiesOf(settings: WriterSettings): WriterPropertiesBuilder {
  let builder = new WriterPropertiesBuilder()
    .setCompression(CODECS[settings.compression])
    // Per column chunk only: page indexes have met readers that trip over them.
    .setStatisticsEnabled(EnabledStatistics.Chunk)
    .setMaxRowGroupSize(settings.rowGroupRowsMax)
    // The specification's form: readers that cannot parse it drop the statistics of text columns.
    .setCreatedBy(`frazil version ${VERSION} (build parquet-rs)`)
  const { pageBytesMax, dictionaryBytesMax, isDictionaryEnabled, columns = {} } = settings
  if (pageBytesMax !== undefined) builder = builder.setDataPageSizeLimit(pageBytesMax)
  if (dictionaryBytesMax !== undefined) {
    builder = builder.setDictionaryPageSizeLimit(dictionaryBytesMax)
  }
  if (isDictionaryEnabled !== undefined) builder = builder.setDictionaryEnabled(isDictionaryEnabled)
  for (const [name, own] of Object.entries(columns)) {
    if (own.compression) builder = builder.setColumnCompression(name, CODECS[own.compression])
    if (own.isDictionaryEnabled !== undefined) {
      builder = builder.setColumnDictionaryEnabled(name, own.isDictionaryEnabled)
    }
    if (own.hasStatistics === false) {
      builder = builder.setColumnStatisticsEnabled(name, EnabledStatistics.None)
    }
  }
  return builder
}

export function wasmMemoryBytes(): number {
  return wasmMemory().buffer.byteLength
}
