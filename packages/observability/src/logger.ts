import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import pretty from 'pino-pretty'

export type { Logger }

export type LoggerOptions = {
  /** Which process speaks: api or worker. */
  service: string
  level: string
  /** For a person at a terminal; JSON lines otherwise. */
  pretty: boolean
  /** Ids of the trace that the current work belongs to. */
  traceContext?: () => Record<string, string> | undefined
  /** Where to write; standard output unless given. */
  destination?: DestinationStream
}

/** Values under these names never reach a log, wherever an object carries them. */
const sensitive = [
  'authorization',
  'cookie',
  'password',
  'apiKey',
  'secret',
  'databaseUrl',
  'redisUrl',
]

export const createLogger = ({
  service,
  level,
  pretty: isPretty,
  traceContext,
  destination,
}: LoggerOptions): Logger => {
  const options = {
    level,
    base: { service },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: sensitive.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      censor: '[redacted]',
    },
    ...(traceContext && { mixin: () => traceContext() ?? {} }),
  }
  const stream =
    destination ??
    (isPretty ? pretty({ ignore: 'service,pid,hostname', singleLine: true }) : undefined)
  return stream ? pino(options, stream) : pino(options)
}
