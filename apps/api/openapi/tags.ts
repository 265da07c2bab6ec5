/** What the operations are about, in the order in which the documentation shows it. */
export const tags = [
  { name: 'batches', description: 'Stock changes, sent together and applied line by line.' },
  { name: 'stock', description: 'Levels, and the movements that made them.' },
  { name: 'events', description: 'What became of batches, as it happens.' },
  { name: 'webhooks', description: 'The same, sent to the callbackUrl of a batch, and its log.' },
  { name: 'guard', description: 'Limits beyond which a batch awaits approval.' },
  { name: 'discrepancies', description: 'What counts, ledger and stock source disagree on.' },
  { name: 'dead letters', description: 'Lines that could not be applied, and running them again.' },
  { name: 'schedules', description: 'Syncs that are submitted again and again.' },
  { name: 'keys', description: 'Your API keys.' },
]
