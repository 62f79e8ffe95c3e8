/**
 * What holds for one table: its own properties over the service's configuration. Pure.
 *
 * Promises: a property that cannot be obeyed never stops a table; it is replaced by the
 * configured value and reported. Does not know: who reads the report.
 */
import type { Config } from '../config/schema.ts'
import { metricsModes } from '../iceberg/metrics-mode.ts'
import { currentSchema } from '../iceberg/schema.ts'
import type { TableMetadata } from '../iceberg/types.ts'
import { describeProblem, type WriteSettings, writeSettings } from '../iceberg/write-settings.ts'
import type { EncodeSettings } from '../parquet/encoder.ts'
import type { CommitSettings } from './commit-policy.ts'

export interface TableSettings {
  readonly encode: EncodeSettings
  readonly commit: Partial<CommitSettings>
  /** The table asks for files of this size itself. */
  readonly targetFileBytes: number | undefined
  /** One sentence for each property that is not obeyed. */
  readonly problems: readonly string[]
}

export function tableSettings(
  metadata: TableMetadata,
  { parquet }: Pick<Config, 'parquet'>,
): TableSettings {
  const schema = currentSchema(metadata)
  const { settings, problems } = writeSettings(metadata.properties, schema)
  const { metrics, commit, columns, ...own } = settings
  const { compression, rowGroupRowsMax, rowGroupBytesMax, targetFileBytes } = parquet
  const order = metadata['sort-orders'].find(
    (known) => known['order-id'] === metadata['default-sort-order-id'],
  )
  return {
    encode: {
      compression,
      rowGroupRowsMax,
      rowGroupBytesMax,
      targetFileBytes,
      ...own,
      columns,
      metricsModes: metricsModes(schema, metrics, order),
    },
    commit,
    targetFileBytes: own.targetFileBytes,
    problems: problems.map(describeProblem),
  }
}

/** Equal for tables that want their files written alike: with another, files are written anew. */
export function settingsPrint(metadata: TableMetadata): string {
  const { settings } = writeSettings(metadata.properties, currentSchema(metadata))
  const files: Omit<WriteSettings, 'commit'> & { commit?: unknown } = { ...settings }
  delete files.commit
  return JSON.stringify(files)
}
