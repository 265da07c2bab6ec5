import { Readable } from 'node:stream'
import { type Outcome, outcome } from '@inventoryrpa/contracts'
import { type LedgerDatabase, listReport, type ReportLine } from '@inventoryrpa/ledger'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { reportCsv } from '../uploads/report-csv.ts'
import { batchOr404 } from './batch-or-404.ts'
import { problemResponses } from './problem-responses.ts'

/** In memory at once. */
const pageLines = 1_000
const longestMs = 24 * 3_600_000
/** A reader that takes nothing for so long is cut off. */
const stalledMs = 30_000

const example =
  'line,outcome,code,detail,type,sku,location,quantity\r\n1,rejected,insufficient_stock,,adjustment,85123A,Leeds,-6\r\n'

export const reportRoutes: FastifyPluginAsyncZod<{ db: LedgerDatabase }> = async (app, { db }) => {
  async function* pages(
    first: ReportLine[],
    batchId: string,
    only: Outcome | undefined,
  ): AsyncGenerator<ReportLine[]> {
    let page = first
    yield page
    while (page.length === pageLines) {
      const after = page.at(-1)?.line ?? 0
      page = await listReport(db, batchId, { outcome: only, after, limit: pageLines })
      yield page
    }
  }

  app.get(
    '/batches/:id/report.csv',
    {
      config: { scope: 'batches:read' },
      handlerTimeout: longestMs,
      schema: {
        operationId: 'getReport',
        summary: "The outcomes of a batch's lines as CSV",
        description:
          'With the fields of each line, in the order of the request. A report of rejected lines may be corrected and sent again as it is: columns that say what became of a line are ignored, and lines that were applied or are held are passed over. Cells that a spreadsheet would take for a formula begin with an apostrophe, which is taken off again. Of an applied line the quantity is what was moved.',
        tags: ['batches'],
        params: z.object({ id: z.uuid() }),
        querystring: z.strictObject({ outcome: outcome.optional() }),
        response: {
          200: {
            description: 'The report',
            content: { 'text/csv': { schema: z.string().meta({ examples: [example] }) } },
          },
          ...problemResponses('not-found'),
        },
      },
    },
    async (request, reply) => {
      const found = await batchOr404(db, request.apiKey.tenantId, request.params.id)
      const { outcome: only } = request.query
      // Before the answer begins: from then on an outage can only cut it off.
      const first = await listReport(db, found.id, { outcome: only, after: 0, limit: pageLines })
      request.raw.socket.setTimeout(stalledMs, () => request.raw.socket.destroy())
      reply.raw.once('close', () => request.raw.socket.setTimeout(0))
      const csv = Readable.from(reportCsv(pages(first, found.id, only)), { objectMode: false })
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="${found.id}.csv"`)
        .send(csv as unknown as string)
    },
  )
}
