/** Table metadata as plain JSON without loss; what is read here is judged, so nothing is assumed. */

export type Json = Readonly<Record<string, unknown>>

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown

/** Integers beyond 2^53 become bigint. */
export function readJson(bytes: Uint8Array): Json {
  const parse = JSON.parse as (text: string, reviver: Reviver) => unknown
  const value = parse(
    new TextDecoder('utf-8', { fatal: true }).decode(bytes),
    (_, value, context) =>
      typeof value === 'number' &&
      !Number.isSafeInteger(value) &&
      /^-?\d+$/.test(context.source ?? '')
        ? BigInt(context.source ?? '')
        : value,
  )
  if (!isJson(value)) throw new Error('the metadata is no JSON object')
  return value
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An integer as bigint; undefined for anything else. */
export function integer(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value
  return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : undefined
}

export function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter(isJson) : []
}

/** Key order does not count. */
export function canonical(value: unknown): string {
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (!isJson(value)) return JSON.stringify(value) ?? 'undefined'
  const keys = Object.keys(value).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`
}

export interface Column {
  readonly id: number
  readonly path: string
  /** A primitive's name; `struct`, `list` or `map` otherwise. */
  readonly type: string
  readonly required: boolean
  /** Inside a list or a map, where a row has not one value. */
  readonly isRepeated: boolean
}

/** Every field of a schema, at every depth. */
export function columnsOf(schema: Json): Column[] {
  const columns: Column[] = []
  const visit = (
    type: unknown,
    column: Pick<Column, 'id' | 'path' | 'required' | 'isRepeated'>,
  ) => {
    columns.push({ ...column, type: isJson(type) ? String(type['type']) : String(type) })
    if (!isJson(type)) return
    const at = (name: unknown) => `${column.path}.${String(name)}`
    if (type['type'] === 'struct') visitFields(type, at, column.isRepeated)
    const nested = (name: string, required: boolean) =>
      visit(type[name], {
        id: Number(type[`${name}-id`]),
        path: at(name),
        required,
        isRepeated: true,
      })
    if (type['type'] === 'list') nested('element', type['element-required'] === true)
    if (type['type'] === 'map') {
      nested('key', true)
      nested('value', type['value-required'] === true)
    }
  }
  const visitFields = (struct: Json, at: (name: unknown) => string, isRepeated: boolean) => {
    for (const field of list(struct['fields'])) {
      const { id, name, required, type } = field
      visit(type, { id: Number(id), path: at(name), required: required === true, isRepeated })
    }
  }
  visitFields(schema, String, false)
  return columns
}
