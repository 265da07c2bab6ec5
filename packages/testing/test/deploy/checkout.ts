import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The root of the checkout these tests belong to. */
export const checkout = join(import.meta.dirname, '../../../..')

/** A file of the checkout. */
export const readCheckout = (path: string): string => readFileSync(join(checkout, path), 'utf8')
