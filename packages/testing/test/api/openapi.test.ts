import { join } from 'node:path'
import { scopes } from '@inventoryrpa/contracts'
import { findChromium, openBrowser, untilCompleted } from '@inventoryrpa/testing'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, onTestFinished, test } from 'vitest'
import { examplesOf, type Document as Fuzzed, isJson, operationsOf } from './fuzz-document.ts'
import { readOperations } from './operations.ts'
import { readJson } from './read-json.ts'
import { useSystem } from './shared-system.ts'

const system = useSystem()
const chromium = findChromium()

const line = { type: 'adjustment', sku: 'sku-1', location: 'here', quantity: 1 }

type Schema = { $ref?: string; properties?: object; required?: string[] }
type Declared = { content: Record<string, { schema: Schema }> }

const referred = (schema: Schema = {}, schemas: Record<string, Schema>): Schema =>
  schemas[schema.$ref?.split('/').at(-1) ?? ''] ?? schema

type Document = {
  openapi: string
  paths: Record<string, Record<string, DocumentedOperation>>
  tags: { name: string; description: string }[]
  components: {
    securitySchemes: Record<string, object>
    schemas: Record<string, Schema & { examples?: object[] }>
  }
}
type DocumentedOperation = {
  operationId: string
  summary: string
  description: string
  tags: string[]
  security: Record<string, string[]>[]
  responses: Record<string, Declared>
}

const readDocument = async () => readJson<Document>(await fetch(`${system.apiUrl}/openapi.json`))

test('the document is valid OpenAPI 3.1', async () => {
  const document = await readDocument()
  expect(document.openapi).toMatch(/^3\.1\.\d+$/)
  const validator = new Validator()
  const { valid, errors } = await validator.validate(document)
  expect(errors).toBeUndefined()
  expect(valid).toBe(true)
  expect(validator.version).toBe('3.1')
})

test("the document is clean under Redocly's recommended rules", async () => {
  const source = JSON.stringify(await readDocument())
  const config = await createConfig({ extends: ['recommended'] })
  const problems = await lintFromString({ source, absoluteRef: '/openapi.json', config })
  const said = problems.map(
    ({ ruleId, message, location }) => `${ruleId} ${location[0]?.pointer}: ${message}`,
  )
  expect(said).toEqual([])
  // That the rules were there at all.
  const faulty = { source: '{"openapi": "3.1.0", "info": {}}', absoluteRef: '/faulty.json', config }
  expect((await lintFromString(faulty)).length).toBeGreaterThan(2)
})

test('every operation has a name of its own, a summary, described tags and the scope that it needs', async () => {
  const { paths, tags, components } = await readDocument()
  expect(Object.keys(components.securitySchemes)).toEqual(['apiKey', 'accessToken'])
  const described = tags.map(({ name }) => name)
  const names: string[] = []
  for (const [path, methods] of Object.entries(paths)) {
    expect(path).toMatch(/^\/v1\//)
    for (const operation of Object.values(methods)) {
      const { operationId, summary, description, security } = operation
      expect(summary, operationId).toMatch(/^[A-Z].{5,}[^.]$/)
      expect(description, operationId).toMatch(/^[A-Z].*\.$/)
      expect(described, operationId).toEqual(expect.arrayContaining(operation.tags))
      expect(operation.tags.length, operationId).toBe(1)
      const [scope] = security[0]?.apiKey ?? []
      expect(scopes, operationId).toContain(scope)
      expect(security, operationId).toEqual([{ apiKey: [scope] }, { accessToken: [scope] }])
      names.push(operationId)
    }
  }
  expect(new Set(names).size).toBe(names.length)
  expect(names.length).toBeGreaterThanOrEqual(30)
})

test('every body, sent or answered, has an example and a named schema', async () => {
  const document = (await readDocument()) as unknown as Fuzzed
  const lacking: string[] = []
  for (const { operationId, body, responses } of operationsOf(document)) {
    const contents = { ...responses, body: { content: body } }
    for (const [place, { content = {} }] of Object.entries(contents)) {
      for (const [type, media] of Object.entries(content)) {
        const where = `${operationId} ${place} ${type}`
        if (examplesOf(media, document).length === 0) lacking.push(`${where}: an example`)
        if (isJson(type) && !media.schema?.$ref) lacking.push(`${where}: a name`)
      }
    }
  }
  expect(lacking).toEqual([])
})

test('the document shows nothing of the inside', async () => {
  const text = JSON.stringify(await readDocument())
  for (const inner of [system.apiUrl, '/queues', '/metrics', 'node_modules', 'bullmq', 'tenant']) {
    expect(text.toLowerCase()).not.toContain(inner)
  }
})

test('every operation declares the answers to a missing key, a lacking scope, too many requests and an outage', async () => {
  for (const { operationId, statuses } of await readOperations(system.apiUrl)) {
    expect(statuses, operationId).toEqual(
      expect.arrayContaining(['400', '401', '403', '429', '503']),
    )
  }
})

test('every example of the document is accepted', async () => {
  const { components } = await readDocument()
  const examples = components.schemas.SubmitBatch?.examples ?? []
  expect(examples.length).toBeGreaterThan(0)
  for (const example of examples) expect((await system.post(example)).status).toBe(202)
})

test('real answers have the status, content type and fields that their operation declares', async () => {
  const accepted = await system.post({ lines: [line] })
  const { id } = (await accepted.clone().json()) as { id: string }
  await untilCompleted(system, id)
  const { key: limited } = await system.createKey({ scopes: ['batches:approve'] })
  const { post } = system
  const twice = { 'idempotency-key': 'twice' }
  await post({ lines: [line] }, twice)
  const answers: [operationId: string, status: number, answer: Response][] = [
    ['submitBatch', 202, accepted],
    ['submitBatch', 400, await post({})],
    ['submitBatch', 401, await fetch(`${system.apiUrl}/v1/batches`, { method: 'POST' })],
    ['submitBatch', 403, await system.callAs(limited, '/v1/batches', { method: 'POST' })],
    ['submitBatch', 415, await post('a,b', { 'content-type': 'text/plain' })],
    ['submitBatch', 422, await post({ lines: [line, line] }, twice)],
    ['listBatches', 200, await system.call('/v1/batches')],
    ['listBatches', 400, await system.call('/v1/batches?state=x')],
    ['getBatch', 200, await system.call(`/v1/batches/${id}`)],
    ['getBatch', 400, await system.call('/v1/batches/x')],
    ['getBatch', 404, await system.call(`/v1/batches/${crypto.randomUUID()}`)],
    ['listLineOutcomes', 200, await system.call(`/v1/batches/${id}/lines`)],
    ['listLineOutcomes', 404, await system.call(`/v1/batches/${crypto.randomUUID()}/lines`)],
    ['listStock', 200, await system.call('/v1/stock')],
    ['listMovements', 200, await system.call('/v1/stock/sku-1/movements')],
    ['listMovements', 403, await system.callAs(limited, '/v1/stock/sku-1/movements')],
    ['submitBatch', 422, await post({ lines: [{ ...line, type: 'sync', quantity: undefined }] })],
    ['listDeadLetterGroups', 200, await system.call('/v1/dead-letters')],
    ['listDeadLetters', 200, await system.call('/v1/dead-letters/lines')],
    ['getRedrive', 404, await system.call(`/v1/dead-letters/redrives/${crypto.randomUUID()}`)],
    ['listSchedules', 200, await system.call('/v1/schedules')],
    ['deleteSchedule', 404, await system.call('/v1/schedules/x', { method: 'DELETE' })],
    ['listDiscrepancies', 200, await system.call('/v1/discrepancies?open=true')],
  ]
  const document = await readDocument()
  const operations = new Map(
    Object.values(document.paths)
      .flatMap((methods) => Object.values(methods))
      .map((operation) => [operation.operationId, operation]),
  )
  for (const [operationId, status, answer] of answers) {
    const where = `${operationId} ${status}`
    expect(answer.status, where).toBe(status)
    const declared = operations.get(operationId)?.responses[status]
    const type = answer.headers.get('content-type')?.split(';')[0] ?? ''
    expect(Object.keys(declared?.content ?? {}), where).toContain(type)
    const schema = referred(declared?.content[type]?.schema, document.components.schemas)
    const body = await readJson<object>(answer)
    expect(Object.keys(schema.properties ?? {}), where).toEqual(
      expect.arrayContaining(Object.keys(body)),
    )
    expect(Object.keys(body), where).toEqual(expect.arrayContaining(schema.required ?? []))
  }
})

test('the documentation page shows every operation, without an error in the browser', async ({
  skip,
}) => {
  if (chromium === undefined) return skip('there is no Chromium on this machine')
  const browser = await openBrowser(chromium, { username: 'nobody', password: 'nothing' })
  onTestFinished(() => browser.close())
  const page = await browser.context.newPage()
  const faults: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('requestfailed', (request) => faults.push(`${request.url()} failed`))
  page.on('response', (answer) => {
    if (answer.status() >= 400) faults.push(`${answer.url()} is ${answer.status()}`)
  })

  await page.goto(`${system.apiUrl}/docs`)
  await page.locator('.opblock').first().waitFor()
  const shown = await page.locator('.opblock-summary').allInnerTexts()
  const words = shown.map((text) => text.replaceAll('\u200b', '').split(/\s+/))
  for (const { method, template } of await readOperations(system.apiUrl)) {
    expect(words).toContainEqual(expect.arrayContaining([method, template]))
  }
  await page.screenshot({
    path: join(import.meta.dirname, '../../../../.data/screenshots/docs.png'),
  })
  expect(faults).toEqual([])
}, 60_000)
