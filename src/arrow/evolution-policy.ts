/**
 * How far a stream may change a table's schema: the table property `frazil.schema.evolution`.
 *
 *     additive  optional columns and nested fields are added (the default)
 *     widen     also int to long, float to double, decimals to more digits, required to optional
 *     strict    nothing changes; what does not fit is refused
 */

export const EVOLUTION_PROPERTY = 'frazil.schema.evolution'

export const EVOLUTION_POLICIES = ['additive', 'widen', 'strict'] as const

export type EvolutionPolicy = (typeof EVOLUTION_POLICIES)[number]

export function isEvolutionPolicy(value: string): value is EvolutionPolicy {
  return EVOLUTION_POLICIES.some((policy) => policy === value)
}

/** A value that is none of ours was meant to restrict something: nothing changes then. */
export function evolutionPolicy(properties: Readonly<Record<string, string>>): EvolutionPolicy {
  const value = Object.hasOwn(properties, EVOLUTION_PROPERTY)
    ? (properties[EVOLUTION_PROPERTY] as string)
    : 'additive'
  return isEvolutionPolicy(value) ? value : 'strict'
}
