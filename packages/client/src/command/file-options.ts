import { type Command, InvalidArgumentError, Option } from 'commander'
import { type LineField, lineFields, type UploadOptions } from '../upload.ts'
import { formats } from './source-file.ts'

export type FileOptions = {
  format?: (typeof formats)[number]
  gzip?: true
  zstd?: true
  map?: Partial<Record<LineField, string>>
  set?: Partial<Record<string, string>>
  delimiter?: string
  decimal?: 'point' | 'comma'
  encoding?: 'utf-8' | 'windows-1252'
  negate?: true
  dates?: 'ymd' | 'dmy' | 'mdy'
  timeZone?: string
  reference?: string
  negativeStock?: 'reject' | 'allow'
  priority?: 'low' | 'normal' | 'high'
  notBefore?: string
  verify?: true
  callbackUrl?: string
  idempotencyKey?: string
  again?: true
}

const settable = ['type', 'location', 'toLocation', 'reason', 'observedAt', 'countedAt']

/** Pairs as `sku=StockCode`, several after commas: headers may hold commas that no field's name follows. */
const pairs = (names: readonly string[]) => {
  const start = new RegExp(`(?:^|,)(${names.join('|')})=`)
  return (given: string, former: Record<string, string> = {}) => {
    const [before, ...rest] = given.split(start)
    if (before !== '' || rest.length === 0 || rest.includes('')) {
      throw new InvalidArgumentError(`Must be FIELD=VALUE, with a FIELD of ${names.join(', ')}.`)
    }
    const read = { ...former }
    for (let at = 0; at < rest.length; at += 2) read[rest[at] ?? ''] = rest[at + 1] ?? ''
    return read
  }
}

/** What is said of a file, and of the batch that it makes. */
export const addFileOptions = (command: Command): Command =>
  command
    .addOption(new Option('--format <format>', 'else by the name of the file').choices(formats))
    .option('--gzip', 'it is compressed by gzip; else by its name')
    .option('--zstd', 'it is compressed by zstd; else by its name')
    .option('--map <field=header>', 'header that a field is found under', pairs(lineFields))
    .option('--set <field=value>', 'for lines that do not say', pairs(settable))
    .option('--delimiter <character>', 'between fields (default: a comma)')
    .addOption(new Option('--decimal <mark>', 'before decimals').choices(['point', 'comma']))
    .addOption(new Option('--encoding <name>').choices(['utf-8', 'windows-1252']))
    .option('--negate', 'take adjustments with the other sign, as of sales')
    .addOption(
      new Option('--dates <order>', 'in dates without a zone').choices(['ymd', 'dmy', 'mdy']),
    )
    .option('--time-zone <name>', 'of dates without a zone (default: UTC)')
    .option('--reference <text>', 'your name for the batch')
    .addOption(
      new Option('--negative-stock <rule>', 'for lines that take on-hand below zero').choices([
        'reject',
        'allow',
      ]),
    )
    .addOption(new Option('--priority <priority>').choices(['low', 'normal', 'high']))
    .option('--not-before <instant>', 'apply no line before then, as 2030-01-01T06:00:00Z')
    .option('--verify', 'compare with the stock source')
    .option('--callback-url <url>', 'where a signed webhook is sent')
    .option(
      '--idempotency-key <key>',
      'what makes the same command safe to repeat (default: made of the content and the options)',
    )
    .option('--again', 'send the same content once more, as another batch')

/** What all formats take. */
export const batchOptionsOf = (given: FileOptions) => ({
  ...(given.reference !== undefined && { reference: given.reference }),
  ...(given.negativeStock && { negativeStock: given.negativeStock }),
  ...(given.priority && { priority: given.priority }),
  ...(given.notBefore && { notBefore: given.notBefore }),
  ...(given.verify && { verify: true }),
  ...(given.callbackUrl && { callbackUrl: given.callbackUrl }),
})

/** What only CSV takes. */
export const csvOptionsOf = (given: FileOptions): Partial<UploadOptions> => ({
  ...(given.map && { columns: given.map }),
  ...given.set,
  ...(given.delimiter && { delimiter: given.delimiter === '\\t' ? '\t' : given.delimiter }),
  ...(given.decimal && { decimal: given.decimal }),
  ...(given.encoding && { encoding: given.encoding }),
  ...(given.negate && { negate: true }),
  ...(given.dates && { dates: given.dates }),
  ...(given.timeZone && { timeZone: given.timeZone }),
})
