import { defineConfig } from 'vitest/config'
import { SummaryReporter } from './packages/testing/src/summary-reporter.ts'

export default defineConfig({
  test: {
    include: ['{apps,packages,bench}/**/test/**/*.test.ts'],
    globalSetup: ['packages/testing/src/global-setup.ts'],
    pool: 'forks',
    fileParallelism: true,
    // A file mostly waits: for servers, timeouts and other processes.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Two cores run servers, browsers and faults at once: what fails once is repeated, and named at the end.
    retry: 1,
    // A forgotten .only or an empty selection must not look like success.
    allowOnly: false,
    passWithNoTests: false,
    reporters: ['default', new SummaryReporter()],
  },
})
