import type { SerializedError } from 'vitest'
import type { Reporter, TestModule, TestSuite } from 'vitest/node'

/**
 * Ends the run by naming what was skipped and, as the very last line, `N passed, N failed`, counting
 * tests. A file, suite hook, global setup or unhandled error that failed without failing a test
 * counts as one failure each.
 */
export class SummaryReporter implements Reporter {
  #passed = 0
  #failed = 0
  #skipped: string[] = []

  onInit(): void {
    // Teardown may still print and fail after the run's own end.
    process.once('exit', (code) => this.#print(code))
  }

  onTestRunStart(): void {
    this.#passed = 0
    this.#failed = 0
    this.#skipped = []
  }

  onTestRunEnd(
    modules: readonly TestModule[],
    unhandled: readonly SerializedError[],
    reason: string,
  ): void {
    this.#failed += unhandled.length
    if (reason === 'interrupted') this.#failed += 1
    for (const module of modules) this.#count(module)
  }

  #count(module: TestModule): void {
    const suites: (TestModule | TestSuite)[] = [module, ...module.children.allSuites()]
    this.#failed += suites.filter((suite) => suite.errors().length > 0).length
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') this.#passed += 1
      else if (state === 'skipped')
        this.#skipped.push(`${module.relativeModuleId} > ${test.fullName}`)
      // A pending test of a finished run never got to its end.
      else this.#failed += 1
    }
  }

  #print(code: number): void {
    const failed = code !== 0 && this.#failed === 0 ? 1 : this.#failed
    const names = this.#skipped.map((name) => `\n  ${name}`).join('')
    const counted = this.#skipped.length
    console.log(`\nskipped: ${counted === 0 ? 'none' : `${counted}${names}`}`)
    const tail = counted === 0 ? '' : `, ${counted} skipped`
    console.log(`${this.#passed} passed, ${failed} failed${tail}`)
  }
}
