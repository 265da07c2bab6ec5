import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'
import type { Sample, Scrape } from './exposition.ts'
import { aggregations, durationSeconds, matcherOf, operators } from './promql-parts.ts'

export type Element = Omit<Sample, 'name'>
type Value = number | Element[]

/**
 * The instant vector that a query gives at the last scrape: as much of PromQL as the shipped queries need,
 * parsed by Prometheus' own grammar. @throws Error for anything else
 */
export const evaluate = (query: string, scrapes: readonly Scrape[]): Element[] => {
  const text = ({ from, to }: SyntaxNode) => query.slice(from, to)
  const unknown = (node: SyntaxNode) =>
    new Error(`${text(node)}: ${node.name} is not simulated here`)
  const now = scrapes.at(-1)?.at ?? 0

  const evaluateNode = (node: SyntaxNode): Value => {
    switch (node.name) {
      case 'ParenExpr':
        return evaluateNode(onlyChild(node))
      case 'NumberDurationLiteral':
        return Number(text(node))
      case 'VectorSelector':
        return select(node, scrapes.slice(-1))
      case 'AggregateExpr':
        return aggregate(node)
      case 'BinaryExpr':
        return combine(node)
      case 'FunctionCall':
        return call(node)
    }
    throw unknown(node)
  }
  const vector = (node: SyntaxNode): Element[] => {
    const value = evaluateNode(node)
    if (typeof value === 'number') throw unknown(node)
    return value
  }

  const select = (node: SyntaxNode, from: readonly Scrape[]): Element[] => {
    const name = text(child(node, 'Identifier'))
    const matchers = node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []
    const holds = matchers.map((matcher) =>
      matcherOf(
        text(child(matcher, 'LabelName')),
        text(child(matcher, 'MatchOp')),
        unquoted(text(child(matcher, 'StringLiteral'))),
      ),
    )
    return from
      .flatMap(({ samples }) => samples)
      .filter((sample) => sample.name === name && holds.every((it) => it(sample.labels)))
      .map(({ labels, value }) => ({ labels, value }))
  }

  const aggregate = (node: SyntaxNode): Element[] => {
    const reduce = aggregations[text(child(node, 'AggregateOp'))]
    if (!reduce) throw unknown(node)
    const modifier = node.getChild('AggregateModifier')
    const names = modifier ? labelNames(modifier) : []
    const isKept = (label: string) =>
      modifier?.getChild('Without') ? !names.includes(label) : names.includes(label)
    const elements = vector(onlyChild(child(node, 'FunctionCallBody')))
    return grouped(elements, isKept).map(({ labels, values }) => ({
      labels,
      value: reduce(values),
    }))
  }

  const combine = (node: SyntaxNode): Value => {
    const [left, operator, ...rest] = children(node)
    const right = rest.at(-1)
    const matching = rest.length === 2 ? rest[0] : undefined
    if (!left || !operator || !right || rest.length > 2) throw unknown(node)
    if (operator.name === 'Or' || operator.name === 'Unless') {
      if (matching && !matching.getChild('On')) throw unknown(matching)
      const on = matching && labelNames(matching)
      const key = ({ labels }: Element) => signature(labels, (it) => on?.includes(it) ?? true)
      const [a, b] = [vector(left), vector(right)]
      const [mine, others] = [new Set(a.map(key)), new Set(b.map(key))]
      return operator.name === 'Or'
        ? [...a, ...b.filter((it) => !mine.has(key(it)))]
        : a.filter((it) => !others.has(key(it)))
    }
    const operate = operators[text(operator)]
    if (!operate || matching) throw unknown(node)
    const [a, b] = [evaluateNode(left), evaluateNode(right)]
    if (typeof a === 'number' && typeof b === 'number') return operate(a, b) ?? Number.NaN
    if (typeof a !== 'number' && typeof b !== 'number') throw unknown(node)
    const [elements, apply] =
      typeof a === 'number'
        ? [b as Element[], (value: number) => operate(a, value)]
        : [a, (value: number) => operate(value, b as number)]
    return elements.flatMap(({ labels, value }) => {
      const result = apply(value)
      return result === undefined ? [] : [{ labels, value: result }]
    })
  }

  const call = (node: SyntaxNode): Element[] => {
    const [argument, ...others] = children(child(node, 'FunctionCallBody'))
    if (!argument) throw unknown(node)
    const name = text(child(node, 'FunctionIdentifier'))
    if (name === 'vector') return [{ labels: {}, value: Number(evaluateNode(argument)) }]
    if (name === 'max_over_time' && argument.name === 'MatrixSelector') {
      const seconds = durationSeconds(text(child(argument, 'DurationExpr')))
      const within = scrapes.filter(({ at }) => at > now - seconds)
      return grouped(select(child(argument, 'VectorSelector'), within), () => true).map(
        ({ labels, values }) => ({ labels, value: Math.max(...values) }),
      )
    }
    if (name === 'label_replace') {
      const [target = '', replacement = '', source = '', pattern = ''] = others.map((it) =>
        unquoted(text(it)),
      )
      return vector(argument).map(({ labels, value }) => {
        const match = new RegExp(`^(?:${pattern})$`).exec(labels[source] ?? '')
        if (!match) return { labels, value }
        const replaced = replacement.replaceAll(/\$(\d)/g, (_, group) => match[Number(group)] ?? '')
        return { labels: { ...labels, [target]: replaced }, value }
      })
    }
    throw unknown(node)
  }

  const labelNames = (node: SyntaxNode) =>
    child(node, 'GroupingLabels').getChildren('LabelName').map(text)

  return vector(onlyChild(parser.parse(query).topNode))
}

const signature = (labels: Element['labels'], isKept: (label: string) => boolean) =>
  JSON.stringify(
    Object.entries(labels)
      .filter(([label]) => isKept(label))
      .sort(),
  )

const grouped = (elements: readonly Element[], isKept: (label: string) => boolean) =>
  [...Map.groupBy(elements, ({ labels }) => signature(labels, isKept))].map(([key, group]) => ({
    labels: Object.fromEntries(JSON.parse(key) as [string, string][]),
    values: group.map(({ value }) => value),
  }))

const unquoted = (literal: string) => literal.slice(1, -1)

const children = (node: SyntaxNode) => {
  const found: SyntaxNode[] = []
  for (let next = node.firstChild; next; next = next.nextSibling) found.push(next)
  return found
}

const child = (node: SyntaxNode, name: string) => {
  const found = node.getChild(name)
  if (!found) throw new Error(`a query without ${name} in ${node.name} is not simulated here`)
  return found
}

const onlyChild = (node: SyntaxNode) => {
  const [only, ...others] = children(node)
  if (!only || others.length > 0) {
    throw new Error(`a query without a single part in ${node.name} is not simulated here`)
  }
  return only
}
