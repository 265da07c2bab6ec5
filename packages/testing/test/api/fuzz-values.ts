import fc from 'fast-check'
import { type Document, resolve, type Schema } from './fuzz-document.ts'

/** What breaks those who are careless with texts. */
export const nastyTexts = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\ufeff',
  '\u202e',
  'a\r\nb',
  "'; drop table batches; --",
  '../../etc/passwd',
  '%00',
  '%ff',
  '=1+1',
  'null',
  '__proto__',
  'x'.repeat(5_000),
]
const addresses = [
  'https://hooks.example.invalid/inventory?a=b#c',
  'http://127.0.0.1:1/',
  'http://[::1]:1/',
  'http://169.254.169.254/latest',
]
const nastyValues = [...nastyTexts, null, -1, 0, 1e308, 1e-9, 2 ** 53, [], {}, [[[[]]]], true]

export const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(...nastyValues),
  fc.jsonValue({ maxDepth: 2 }),
)

const words = fc.string({
  unit: fc.constantFrom(...'abcXYZ019 -_.é漢'),
  minLength: 1,
  maxLength: 12,
})

/** Neither look-arounds nor classes by property can be generated: words, of which most match. */
const matching = (pattern: string): fc.Arbitrary<string> =>
  /\\p|\(\?[=!<]/.test(pattern) ? words : fc.stringMatching(new RegExp(pattern, 'u'))

const texts = ({
  format,
  pattern,
  minLength = 0,
  maxLength = 40,
}: Schema): fc.Arbitrary<string> => {
  if (format === 'uuid') return fc.uuid()
  if (format === 'date-time') {
    const range = { min: new Date('2000-01-01'), max: new Date('2026-01-01'), noInvalidDate: true }
    return fc.date(range).map((date) => date.toISOString())
  }
  if (format === 'uri') return fc.constantFrom(...addresses)
  if (pattern !== undefined) return matching(pattern)
  return fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, 40)) })
}

const numbers = ({ type, minimum = -1_000, maximum, exclusiveMinimum }: Schema) => {
  const min = exclusiveMinimum ?? minimum
  const max = Math.min(maximum ?? 1_000, Math.max(min, 0) + 1_000)
  const whole = fc.integer({ min: Math.ceil(min), max: Math.floor(max) })
  return type === 'integer'
    ? whole
    : fc.oneof(
        whole,
        whole.map((value) => value / 1_000),
      )
}

const byType = (schema: Schema, document: Document): fc.Arbitrary<unknown> => {
  switch (schema.type) {
    case 'string':
      return texts(schema)
    case 'integer':
    case 'number':
      return numbers(schema)
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array': {
      const { minItems = 0, maxItems = 4 } = schema
      const items = schema.items ? allowedBy(schema.items, document) : anyValue
      return fc.array(items, {
        minLength: minItems,
        maxLength: Math.max(minItems, Math.min(4, maxItems)),
      })
    }
    case 'object': {
      const { properties = {}, required = [] } = schema
      const fields = Object.entries(properties).map(
        ([name, property]) => [name, allowedBy(property, document)] as const,
      )
      return fc.record(Object.fromEntries(fields), { requiredKeys: required })
    }
    default:
      return anyValue
  }
}

/** Values that a schema allows, or nearly: what it cannot express is for the server to refuse. */
export const allowedBy = (given: Schema, document: Document): fc.Arbitrary<unknown> => {
  const schema = resolve(given, document)
  if ('const' in schema) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return fc.oneof(...choices.map((choice) => allowedBy(choice, document)))
  if (Array.isArray(schema.type)) {
    return fc.oneof(...schema.type.map((type) => allowedBy({ ...schema, type }, document)))
  }
  const generated = byType(schema, document)
  const { examples = [] } = schema
  return examples.length > 0 ? fc.oneof(fc.constantFrom(...examples), generated) : generated
}

type Steps = readonly number[]

const changeObject = (value: Record<string, unknown>, [step = 0, ...rest]: Steps, to: unknown) => {
  const names = Object.keys(value)
  const name = names[step % Math.max(1, names.length)]
  if (name === undefined || step % 5 === 0) return { ...value, [`unknown${step % 3}`]: to }
  if (step % 5 === 1) return Object.fromEntries(Object.entries(value).filter(([it]) => it !== name))
  return { ...value, [name]: change(value[name], rest, to) }
}

/** Puts `to` somewhere into a value, leaves a field out, or adds one. */
const change = (value: unknown, steps: Steps, to: unknown): unknown => {
  const [step = 0, ...rest] = steps
  if (steps.length === 0 || typeof value !== 'object' || value === null) return to
  if (!Array.isArray(value)) return changeObject(value as Record<string, unknown>, steps, to)
  if (value.length === 0) return [to]
  const index = step % value.length
  return value.with(index, change(value[index], rest, to))
}

/** Values that are wrong in one place. */
export const wrongly = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc
    .tuple(value, fc.array(fc.nat(100), { maxLength: 5 }), anyValue)
    .map(([right, steps, to]) => change(right, steps, to))
