import { z } from 'zod'
import { instantAnswer } from './instant.ts'
import { location, name } from './text.ts'
import { timeZone } from './time-zone.ts'

export const scheduleName = name(64).meta({ description: 'Your name for the schedule.' })

const rhythm = {
  everySeconds: z
    .int()
    .min(60)
    .max(31 * 86_400)
    .optional(),
  cron: z
    .string()
    .regex(/^\S+(?: \S+){4}$/, { error: 'must have five fields: minute hour day month weekday' })
    .max(100)
    .optional()
    .meta({ examples: ['0 3 * * *'] }),
  timeZone: timeZone
    .optional()
    .meta({ description: 'For cron; else UTC.', examples: ['Europe/London'] }),
}

export const scheduleRequest = z
  .strictObject({
    ...rhythm,
    location: location
      .optional()
      .meta({ description: 'Only the levels there; else all that you have.' }),
  })
  .refine((it) => (it.everySeconds === undefined) !== (it.cron === undefined), {
    error: 'must have either everySeconds or cron',
    path: ['everySeconds'],
  })
  .meta({ id: 'ScheduleRequest', examples: [{ cron: '0 3 * * *', timeZone: 'Europe/London' }] })
export type ScheduleRequest = z.infer<typeof scheduleRequest>

export const schedule = z
  .object({
    name: z.string(),
    everySeconds: z.int().nullable(),
    cron: z.string().nullable(),
    timeZone: z.string().nullable(),
    location: z.string().nullable(),
    createdAt: instantAnswer,
    lastBatchId: z.uuid().nullable(),
  })
  .meta({
    id: 'Schedule',
    description: 'Submits a sync of every level it covers, again and again.',
  })
export type Schedule = z.infer<typeof schedule>
