/** The batch of the design's own example. */
export const exampleLine = {
  type: 'adjustment',
  sku: '85123A',
  location: 'United Kingdom',
  quantity: -6,
  reason: 'sale',
  reference: '536365',
  observedAt: '2010-12-01T08:26:00Z',
}
export const exampleBatch = {
  reference: '2010-12-01',
  mode: 'apply',
  negativeStock: 'allow',
  lines: [exampleLine],
}
export const exampleCount = {
  type: 'count',
  sku: '85123A',
  location: 'Leeds',
  quantity: 12,
  countedAt: '2010-12-01T08:26:00Z',
}
export const exampleTransfer = {
  type: 'transfer',
  sku: '85123A',
  location: 'Leeds',
  toLocation: 'Paris',
  quantity: '2.5',
}

/** The example with its one line changed. */
export const withLine = (change: Record<string, unknown>, line: object = exampleLine) => ({
  ...exampleBatch,
  lines: [{ ...line, ...change }],
})
