export type Failure = {
  /** The error's stable code. */
  code: string
  location: string
  /** Which stock source was read; null for a line that needs none. */
  source: string | null
}

/** One name for failures that have one cause: error, place and source, whatever the SKU. */
export const fingerprint = ({ code, location, source }: Failure): string =>
  [code, location, source ?? 'ledger'].map(encodeURIComponent).join(':')
