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

export const sku = name(64).meta({
  id: 'Sku',
  description: 'What is stocked.',
  examples: ['85123A'],
})
export const location = name(64).meta({
  id: 'Location',
  description: 'Where it is stocked.',
  examples: ['United Kingdom'],
})
