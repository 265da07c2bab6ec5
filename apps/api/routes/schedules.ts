import { pageOf, pageQuery, schedule, scheduleName, scheduleRequest } from '@inventoryrpa/contracts'
import {
  deleteSchedule,
  type LedgerDatabase,
  listSchedules,
  putSchedule,
} from '@inventoryrpa/ledger'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Enqueuer } from '../enqueuer.ts'
import { ProblemError } from '../plugins/problems.ts'
import { problemResponses } from './problem-responses.ts'

export type ScheduleRoutesOptions = {
  db: LedgerDatabase
  enqueuer: Enqueuer
  hasStockSource: boolean
}

const tags = ['schedules']
const params = z.object({ name: scheduleName })

export const scheduleRoutes: FastifyPluginAsyncZod<ScheduleRoutesOptions> = async (
  app,
  { db, enqueuer, hasStockSource },
) => {
  app.put(
    '/schedules/:name',
    {
      config: { scope: 'batches:write' },
      schema: {
        operationId: 'putSchedule',
        summary: 'Have levels synced again and again',
        description: 'Makes the schedule or replaces the one of this name.',
        tags,
        params,
        body: scheduleRequest,
        response: { 200: schedule, ...problemResponses('no-stock-source') },
      },
    },
    async ({ apiKey, params: { name }, body }) => {
      if (!hasStockSource) {
        throw new ProblemError('no-stock-source', 'there is none to sync from; nothing was stored')
      }
      const put = await putSchedule(db, apiKey.tenantId, name, body)
      enqueuer.putSchedule(put.time)
      return put.schedule
    },
  )

  app.get(
    '/schedules',
    {
      config: { scope: 'batches:read' },
      schema: {
        operationId: 'listSchedules',
        summary: 'List schedules by name',
        description: 'With the batch that each submitted last.',
        tags,
        querystring: z.strictObject(pageQuery),
        response: { 200: pageOf(schedule), ...problemResponses() },
      },
    },
    async (request) => listSchedules(db, request.apiKey.tenantId, request.query),
  )

  app.delete(
    '/schedules/:name',
    {
      config: { scope: 'batches:write' },
      schema: {
        operationId: 'deleteSchedule',
        summary: 'Delete a schedule',
        description: 'Batches that it submitted stay.',
        tags,
        params,
        response: {
          204: z.null().meta({ description: 'It is deleted.' }),
          ...problemResponses('not-found'),
        },
      },
    },
    async ({ apiKey, params: { name } }, reply) => {
      const id = await deleteSchedule(db, apiKey.tenantId, name)
      if (id === undefined) throw new ProblemError('not-found', `there is no schedule ${name}`)
      enqueuer.removeSchedule(id)
      return reply.code(204).send(null)
    },
  )
}
