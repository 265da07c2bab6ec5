import { expect, onTestFinished, test } from 'vitest'
import { openConnections } from '../src/connections.ts'
import { SourceFailure } from '../src/failure.ts'
import { requestLevels } from '../src/request-levels.ts'

test('what is aborted before it begins is not sent, and fails as it was aborted', async () => {
  const connections = openConnections({
    origin: 'http://127.0.0.1:1',
    connections: 1,
    connectTimeoutMs: 100,
    maxWireBytes: 1_000,
    allowPrivateAddresses: true,
  })
  onTestFinished(() => connections.destroy())
  const failure = { code: 'timeout', detail: 'late' } as const
  const answer = await requestLevels(
    [{ sku: 'a', location: 'x' }],
    { connections, path: '/v1/on-hand', token: undefined, maxBodyBytes: 1_000 },
    AbortSignal.abort(new SourceFailure(failure)),
  )
  expect(answer).toEqual({ outcome: 'failed', failure })
})
