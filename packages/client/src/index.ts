export { createClient, type InventoryRpaClient, type ReportOptions } from './client.ts'
export type { ClientOptions } from './connection.ts'
export { type Fault, InventoryRpaError, UnreachableError } from './errors.ts'
export type { EventOptions } from './events.ts'
export type { Retry, RetryNotice } from './transport.ts'
export type * from './types.ts'
export type {
  BatchOptions,
  LineField,
  SubmitOptions,
  UploadOptions,
  UploadSource,
} from './upload.ts'
export type { WaitOptions } from './wait.ts'
