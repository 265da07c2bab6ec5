import fc from 'fast-check'
import { nameLengths } from '../src/index.ts'
import {
  oddInstant,
  oddName,
  oddQuantity,
  oddValue,
  rightInstant,
  rightName,
  rightQuantity,
} from './arbitrary-values.ts'

type Fields = Record<string, unknown>
type Change = (fields: Fields) => void

const lineOf = (type: string, required: object, optional: object) => {
  const needed = {
    type: fc.constant(type),
    sku: rightName(nameLengths.sku),
    location: rightName(nameLengths.location),
    quantity: rightQuantity,
    ...required,
  }
  const reason = rightName(nameLengths.reason)
  const reference = rightName(nameLengths.reference)
  return fc.record<Fields>(
    { ...needed, reason, reference, ...optional },
    { requiredKeys: Object.keys(needed) },
  )
}
const toLocation = rightName(nameLengths.location)
const rightBody = fc.record<Fields>(
  {
    reference: rightName(nameLengths.reference),
    mode: fc.constant('apply'),
    negativeStock: fc.constantFrom('reject', 'allow'),
    lines: fc.array(
      fc.oneof(
        lineOf('adjustment', {}, { observedAt: rightInstant, expectedOnHand: rightQuantity }),
        lineOf('count', { countedAt: rightInstant }, {}),
        lineOf('transfer', { toLocation }, { observedAt: rightInstant }),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  },
  { requiredKeys: ['lines'] },
)

/** As JSON.parse does it: a field named __proto__ is one like any other. */
const set = (fields: Fields, name: string, value: unknown) => {
  const own = { enumerable: true, configurable: true, writable: true }
  Object.defineProperty(fields, name, { value: structuredClone(value), ...own })
}

const setting = (name: string, value: unknown): Change => {
  return (fields) => set(fields, name, value)
}
const replacing = (name: string, value: unknown): Change => {
  return (fields) => name in fields && set(fields, name, value)
}
const renaming = (name: string, to: string): Change => {
  return (fields) => {
    if (!Object.hasOwn(fields, name)) return
    const value = fields[name]
    delete fields[name]
    set(fields, to, value)
  }
}
const removing = (name: string): Change => {
  return (fields) => delete fields[name]
}
const changingLine = (index: number, change: Change): Change => {
  return ({ lines }) => {
    const line = Array.isArray(lines) ? lines[index] : undefined
    if (typeof line === 'object' && line !== null && !Array.isArray(line)) change(line)
  }
}
const addingLine = (line: unknown): Change => {
  return ({ lines }) => Array.isArray(lines) && lines.push(structuredClone(line))
}
const movingNowhere: Change = (line) => replacing('toLocation', line.location)(line)

const odd: Record<string, fc.Arbitrary<unknown>> = {
  sku: oddName(nameLengths.sku),
  location: oddName(nameLengths.location),
  toLocation: oddName(nameLengths.location),
  reason: oddName(nameLengths.reason),
  reference: oddName(nameLengths.reference),
  quantity: oddQuantity,
  expectedOnHand: oddQuantity,
  observedAt: oddInstant,
  countedAt: oddInstant,
}
const anyField = fc.constantFrom(
  ...[...Object.keys(odd), 'type', 'mode', 'negativeStock', 'lines'],
  ...['colour', 'constructor', 'toString', '__proto__', 'length', '0'],
)
const replacement = fc.oneof(
  ...Object.entries(odd).map(([name, value]) => value.map((it) => replacing(name, it))),
)
const changeOfFields = fc.oneof(
  fc.tuple(anyField, oddValue).map(([name, value]) => setting(name, value)),
  fc.tuple(anyField, anyField).map(([name, to]) => renaming(name, to)),
  anyField.map(removing),
)
const changeOfLine = fc.oneof(
  { weight: 4, arbitrary: replacement },
  { weight: 2, arbitrary: changeOfFields },
  fc.constant(movingNowhere),
)
const change = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(fc.nat(2), changeOfLine).map(([index, it]) => changingLine(index, it)),
  },
  changeOfFields,
  replacement,
  oddValue.map(addingLine),
)

/** Bodies as JSON.parse makes them: right ones, right ones with a change or two, and others. */
export const anyBody: fc.Arbitrary<unknown> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.tuple(rightBody, fc.array(change, { maxLength: 2 })).map(([right, changes]) => {
      const body = structuredClone(right)
      for (const apply of changes) apply(body)
      return body
    }),
  },
  oddValue,
)
