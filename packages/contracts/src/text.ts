import { z } from 'zod'

/**
 * A short text that identifies something: compared code point by code point, never folded or trimmed.
 * No control characters and no lone surrogates, since neither PostgreSQL nor a log line bears them.
 * One pattern, not several checks: it runs four times a line on the hottest path there is.
 */
export const name = (maxLength: number) =>
  z.string().regex(new RegExp(`^(?!\\s)[^\\p{Cc}\\p{Cs}]{1,${maxLength}}(?<!\\s)$`, 'u'), {
    error: `must be a string of 1 to ${maxLength} characters, without control characters and without blanks at either end`,
  })

/** In characters. */
export const nameLengths = { sku: 64, location: 64, reason: 64, reference: 128 } as const

export const sku = name(nameLengths.sku).meta({
  id: 'Sku',
  description: 'What is stocked.',
  examples: ['85123A'],
})
export const location = name(nameLengths.location).meta({
  id: 'Location',
  description: 'Where it is stocked.',
  examples: ['United Kingdom'],
})
