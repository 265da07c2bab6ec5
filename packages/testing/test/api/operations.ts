export type Operation = {
  operationId: string
  method: string
  /** With its parameters in braces, as the document writes it. */
  template: string
  /** With a value for each parameter. */
  path: string
  statuses: string[]
}

type Document = {
  paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>
}

const absentBatch = '019a0000-0000-7000-8000-000000000000'

/** Every operation that the API's own document names. */
export const readOperations = async (apiUrl: string): Promise<Operation[]> => {
  const document = (await (await fetch(`${apiUrl}/openapi.json`)).json()) as Document
  return Object.entries(document.paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, { operationId, responses }]) => ({
      operationId,
      method: method.toUpperCase(),
      template,
      path: template.replace('{id}', absentBatch).replace('{sku}', 'sku-1'),
      statuses: Object.keys(responses),
    })),
  )
}
