import { parser } from '@prometheus-io/lezer-promql'

/** A series that an expression asks for, with the labels that must match. */
export type SeriesSelector = {
  metric: string
  matchers: { label: string; matches: (value: string) => boolean }[]
}

/**
 * What an expression reads.
 * @throws Error if it is no PromQL
 */
export const selectorsOf = (expression: string): SeriesSelector[] => {
  const selectors: SeriesSelector[] = []
  const text = ({ from, to }: { from: number; to: number }) => expression.slice(from, to)
  parser.parse(expression).iterate({
    enter: (node) => {
      if (node.type.isError) throw new Error(`no PromQL at ${node.from}: ${expression}`)
      if (node.name !== 'VectorSelector') return
      const name = node.node.getChild('Identifier')
      const matchers = node.node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher')
      selectors.push({
        metric: name ? text(name) : '',
        matchers: (matchers ?? []).map((it) => {
          const [label, operator, quoted] = ['LabelName', 'MatchOp', 'StringLiteral'].map(
            (kind) => {
              const part = it.getChild(kind)
              if (!part) throw new Error(`no ${kind} in ${text(it)}`)
              return text(part)
            },
          ) as [string, string, string]
          return { label, matches: matcherOf(operator, JSON.parse(quoted) as string) }
        }),
      })
    },
  })
  return selectors
}

const matcherOf = (operator: string, wanted: string) => {
  const isRegex = operator.endsWith('~')
  const regex = new RegExp(`^(?:${wanted})$`)
  const isNegated = operator.startsWith('!')
  return (value: string) => (isRegex ? regex.test(value) : value === wanted) !== isNegated
}
