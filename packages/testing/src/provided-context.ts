import 'vitest'

// What global-setup.ts hands to the test files.
declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
    redisUrl: string
  }
}
