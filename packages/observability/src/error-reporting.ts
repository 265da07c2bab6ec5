export type ErrorReporting = {
  /** Whether spans are made: only then is it worth carrying them through the queue. */
  readonly enabled: boolean
  report(error: unknown, context: Record<string, unknown>): void
  /** Ids of the current trace for the log. */
  traceContext(): Record<string, string> | undefined
  /** Sends what is still held back, for at most `timeoutMs`. */
  close(timeoutMs: number): Promise<void>
}

export type ErrorReportingOptions = {
  dsn: string | undefined
  environment: string
  service: string
}

const off: ErrorReporting = {
  enabled: false,
  report: () => {},
  traceContext: () => undefined,
  close: async () => {},
}

/** A tenth of the traffic: enough to see where time goes. */
const tracesSampleRate = 0.1

/**
 * Sentry, with OpenTelemetry inside. Must run before the libraries it instruments are imported.
 * Without a DSN nothing of it is even loaded.
 */
export const startErrorReporting = async ({
  dsn,
  environment,
  service,
}: ErrorReportingOptions): Promise<ErrorReporting> => {
  if (dsn === undefined) return off
  const Sentry = await import('@sentry/node')
  Sentry.init({
    dsn,
    environment,
    serverName: service,
    tracesSampleRate,
    // Receivers of webhooks and stock sources are others' systems: our traces end here.
    tracePropagationTargets: [],
    beforeSendSpan: (span) => {
      for (const [name, value] of Object.entries(span.attributes)) {
        if (/\.query$|^query$/.test(name)) delete span.attributes[name]
        else if (typeof value === 'string' && /^https?:/.test(value)) {
          span.attributes[name] = value.split('?')[0]
        }
      }
      span.name = span.name.split('?')[0] ?? span.name
      return span
    },
    initialScope: { tags: { service } },
    beforeSend: (event) => {
      // Bodies, headers and query strings may carry keys and customers' data: an error needs none of them.
      delete event.request
      delete event.user
      return event
    },
  })
  return {
    enabled: true,
    report: (error, context) => {
      Sentry.captureException(error, { extra: context })
    },
    traceContext: () => {
      const span = Sentry.getActiveSpan()?.spanContext()
      return span && { trace_id: span.traceId, span_id: span.spanId }
    },
    close: async (timeoutMs) => {
      await Sentry.close(timeoutMs)
    },
  }
}
