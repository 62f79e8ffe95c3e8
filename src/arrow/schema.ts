/**
 * An Arrow schema as a plain value (Arrow columnar format, `Schema.fbs`). Decoded by our own
 * verifier, never by a library that trusts its input.
 */

export type TimeUnit = 's' | 'ms' | 'us' | 'ns'

export type ArrowType =
  | { readonly kind: 'null' }
  | { readonly kind: 'bool' }
  | { readonly kind: 'int'; readonly bits: 8 | 16 | 32 | 64; readonly signed: boolean }
  | { readonly kind: 'float'; readonly bits: 16 | 32 | 64 }
  | {
      readonly kind: 'decimal'
      readonly bits: 32 | 64 | 128 | 256
      readonly precision: number
      readonly scale: number
    }
  | { readonly kind: 'date'; readonly unit: 'day' | 'ms' }
  | { readonly kind: 'time'; readonly unit: TimeUnit; readonly bits: 32 | 64 }
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit; readonly timezone: string | undefined }
  | { readonly kind: 'duration'; readonly unit: TimeUnit }
  | { readonly kind: 'interval'; readonly unit: 'year-month' | 'day-time' | 'month-day-nano' }
  /** `large`: 64-bit offsets. `view`: the view layout with its variadic buffers. */
  | { readonly kind: 'utf8' | 'binary'; readonly layout: 'normal' | 'large' | 'view' }
  | { readonly kind: 'fixed-size-binary'; readonly width: number }
  /** One child, the element. */
  | { readonly kind: 'list'; readonly layout: 'normal' | 'large' | 'view' | 'large-view' }
  | { readonly kind: 'fixed-size-list'; readonly size: number }
  | { readonly kind: 'struct' }
  /** One child, the entries struct with key and value. */
  | { readonly kind: 'map'; readonly keysSorted: boolean }
  | {
      readonly kind: 'union'
      readonly mode: 'sparse' | 'dense'
      readonly typeIds: readonly number[]
    }
  | { readonly kind: 'run-end-encoded' }

export interface DictionaryEncoding {
  readonly id: bigint
  readonly index: { readonly bits: 8 | 16 | 32 | 64; readonly signed: boolean }
  readonly isOrdered: boolean
}

export interface ArrowField {
  readonly name: string
  readonly nullable: boolean
  /** With a dictionary: the type of its values. */
  readonly type: ArrowType
  readonly children: readonly ArrowField[]
  readonly dictionary: DictionaryEncoding | undefined
  readonly metadata: ReadonlyMap<string, string>
}

export interface ArrowSchema {
  readonly fields: readonly ArrowField[]
  readonly metadata: ReadonlyMap<string, string>
}

/** The extension type's name, if the field has one (`ARROW:extension:name`). */
export function extensionName(field: ArrowField): string | undefined {
  return field.metadata.get('ARROW:extension:name')
}
