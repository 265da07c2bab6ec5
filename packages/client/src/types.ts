import type { operations } from './api.ts'

type Operations = operations
type Content<T> = T extends { content: infer Media } ? Media[keyof Media] : never
type Success<T> = T extends { responses: infer Answers }
  ? Content<Answers[keyof Answers & (200 | 201 | 202)]>
  : never
type Item<T> = T extends { items: (infer Each)[] } ? Each : never
type Query<T> = T extends { parameters: { query?: infer Asked } } ? NonNullable<Asked> : never
type Body<T> = T extends { requestBody?: infer Sent }
  ? NonNullable<Sent> extends { content: { 'application/json': infer Json } }
    ? Json
    : never
  : never

/** What is asked of a list, but for its paging. */
export type Filter<Name extends keyof Operations> = Omit<
  Query<Operations[Name]>,
  'cursor' | 'limit'
>

export type Batch = Success<Operations['getBatch']>
export type BatchCounts = Batch['counts']
export type BatchState = Batch['state']
export type SubmitBatch = Body<Operations['submitBatch']>
export type Line = SubmitBatch['lines'][number]
export type LineOutcome = Item<Success<Operations['listLineOutcomes']>>
export type Outcome = LineOutcome['outcome']
export type PlannedLine = Item<Success<Operations['listPlan']>>
export type ApplyPlan = Body<Operations['applyBatch']>
export type Decision = NonNullable<Body<Operations['approveBatch']>>
export type ReverseBatch = Body<Operations['reverseBatch']>
export type Guard = Body<Operations['putGuard']>
export type StockLevel = Item<Success<Operations['listStock']>>
export type Movement = Item<Success<Operations['listMovements']>>
export type DeadLetterGroup = Item<Success<Operations['listDeadLetterGroups']>>
export type DeadLetter = Item<Success<Operations['listDeadLetters']>>
export type RedriveRequest = Body<Operations['redriveDeadLetters']>
export type Redrive = Success<Operations['redriveDeadLetters']>
export type ApiKey = Item<Success<Operations['listKeys']>>
export type CreateKey = Body<Operations['createKey']>
export type IssuedApiKey = Success<Operations['createKey']>
export type Scope = ApiKey['scopes'][number]
export type WebhookSecret = Success<Operations['rotateWebhookSecret']>
export type WebhookDelivery = Item<Success<Operations['listWebhookDeliveries']>>
export type WebhookDeliveryWithLog = Success<Operations['getWebhookDelivery']>

export type EventType =
  | 'batch.previewed'
  | 'batch.awaiting_approval'
  | 'batch.completed'
  | 'batch.cancelled'

/** What happened, once, numbered in the order in which it did. */
export type BatchEvent = {
  id: string
  type: EventType
  timestamp: string
  /** The batch as it was then. */
  data: Batch
}

/** How far a batch is. Not numbered: nothing resumes after it. */
export type BatchProgress = { type: 'batch.progress'; timestamp: string; data: Batch }
