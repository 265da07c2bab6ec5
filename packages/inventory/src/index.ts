export * from './apply.ts'
export * from './line.ts'
export * from './plan.ts'
export * from './quantity.ts'
