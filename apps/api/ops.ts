import { inspectBatch, type LedgerDatabase } from '@inventoryrpa/ledger'
import { type HealthCheck, type Logger, type Metrics, opsRoutes } from '@inventoryrpa/observability'
import type { Producer } from '@inventoryrpa/queue'
import Fastify, { type FastifyInstance, LogController } from 'fastify'
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { bullBoardPlugin } from './plugins/bull-board.ts'
import { operatorAccessPlugin } from './plugins/operator-access.ts'

export type OpsDeps = {
  db: LedgerDatabase
  logger: Logger
  metrics: Metrics
  readiness: Readonly<Record<string, HealthCheck>>
  queues: Producer['queues']
  user: string
  password: string
}

const boardPath = '/queues'

/** The operators' listener: Bull Board, metrics and probes. Never reachable through the public one. */
export const buildOps = async (deps: OpsDeps): Promise<FastifyInstance> => {
  const app = Fastify({
    loggerInstance: deps.logger,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: true,
  })
  await app.register(opsRoutes, deps)
  app.get('/', async (_request, reply) => reply.redirect(boardPath))
  await app.register(async (operators) => {
    await operators.register(operatorAccessPlugin, deps)
    await operators.register(bullBoardPlugin, { queues: deps.queues, basePath: boardPath })
    operators
      .withTypeProvider<ZodTypeProvider>()
      .setValidatorCompiler(validatorCompiler)
      .get(
        '/batches/:id',
        { schema: { params: z.object({ id: z.uuid() }) } },
        async ({ params: { id } }, reply) =>
          (await inspectBatch(deps.db, id)) ?? reply.code(404).send({ error: `no batch ${id}` }),
      )
  })
  return app as unknown as FastifyInstance
}
