import type { SerializedError } from 'vitest'
import type { Reporter, TestModule, TestSuite } from 'vitest/node'

/**
 * Ends the run by naming what was skipped, what passed only when it was repeated and, as the very last line, `N passed, N failed`, counting
 * tests. A file, suite hook, global setup or unhandled error that failed without failing a test
 * counts as one failure each.
 */
export class SummaryReporter implements Reporter {
  #passed = 0
  #failed = 0
  #skipped: string[] = []
  #repeated: string[] = []

  onInit(): void {
    // Teardown may still print and fail after the run's own end.
    process.once('exit', (code) => this.#print(code))
  }

  onTestRunStart(): void {
    this.#passed = 0
    this.#failed = 0
    this.#skipped = []
    this.#repeated = []
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
      const name = `${module.relativeModuleId} > ${test.fullName}`
      if (state === 'passed') {
        this.#passed += 1
        if (test.diagnostic()?.flaky) this.#repeated.push(name)
      } else if (state === 'skipped') this.#skipped.push(name)
      // A pending test of a finished run never got to its end.
      else this.#failed += 1
    }
  }

  #print(code: number): void {
    const failed = code !== 0 && this.#failed === 0 ? 1 : this.#failed
    const counted = this.#skipped.length
    console.log(`\nskipped: ${listed(this.#skipped)}`)
    console.log(`passed only when repeated: ${listed(this.#repeated)}`)
    const tail = counted === 0 ? '' : `, ${counted} skipped`
    console.log(`${this.#passed} passed, ${failed} failed${tail}`)
  }
}

const listed = (names: readonly string[]) =>
  names.length === 0 ? 'none' : `${names.length}${names.map((name) => `\n  ${name}`).join('')}`
