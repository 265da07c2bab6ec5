import { describe, expect, test } from 'vitest'
import {
  type Behavior,
  type Bounds,
  defaultBehavior,
  type History,
  noHistory,
  scale,
} from '../autoscaling/hpa-behavior.ts'
import {
  type PodCpu,
  replicasForAverageValue,
  replicasForCpu,
  replicasForValue,
} from '../autoscaling/hpa-replicas.ts'

const busy = (count: number, utilization: number): PodCpu[] =>
  Array.from({ length: count }, () => ({ state: 'measured', utilization }))
const unknown = (count: number, state: 'initializing' | 'missing'): PodCpu[] =>
  Array.from({ length: count }, () => ({ state, utilization: 0 }))

describe('what CPU asks for', () => {
  test('the examples of the Kubernetes documentation', () => {
    // "If the current metric value is 200m and the desired value is 100m, the number is doubled; 50m: halved."
    expect(replicasForCpu(4, busy(4, 200), 100)).toBe(8)
    expect(replicasForCpu(4, busy(4, 50), 100)).toBe(2)
    // The walkthrough: one php-apache at 305% with a target of 50% gets 7.
    expect(replicasForCpu(1, busy(1, 305), 50)).toBe(7)
  })

  test('within a tenth of the target nothing changes', () => {
    expect(replicasForCpu(10, busy(10, 77), 70)).toBe(10)
    expect(replicasForCpu(10, busy(10, 63), 70)).toBe(10)
    expect(replicasForCpu(10, busy(10, 77.8), 70)).toBe(12)
    expect(replicasForCpu(10, busy(10, 62), 70)).toBe(9)
  })

  test('pods that start count as idle on the way up', () => {
    // 2 at 140% of 70% ask for 4, and with 2 more that start: (140 + 140) / 4 = 70.
    expect(replicasForCpu(4, [...busy(2, 140), ...unknown(2, 'initializing')], 70)).toBe(4)
    expect(replicasForCpu(4, [...busy(2, 280), ...unknown(2, 'initializing')], 70)).toBe(8)
  })

  test('and do not count on the way down', () => {
    expect(replicasForCpu(4, [...busy(2, 35), ...unknown(2, 'initializing')], 70)).toBe(1)
  })

  test('pods without a measurement count as idle on the way up, as fully busy on the way down', () => {
    expect(replicasForCpu(3, [...busy(2, 210), ...unknown(1, 'missing')], 70)).toBe(6)
    expect(replicasForCpu(4, [...busy(3, 10), ...unknown(1, 'missing')], 70)).toBe(2)
    // (35 + 100) / 2 is within a tenth of 70.
    expect(replicasForCpu(2, [...busy(1, 35), ...unknown(1, 'missing')], 70)).toBe(2)
  })

  test('no measurement at all changes nothing', () => {
    expect(replicasForCpu(3, unknown(3, 'initializing'), 70)).toBe(3)
  })
})

describe('what an external metric asks for', () => {
  test('as an average value, as many as share it by the target', () => {
    expect(replicasForAverageValue(2, 1_000_000, 50_000)).toBe(20)
    expect(replicasForAverageValue(2, 100_001, 50_000)).toBe(2)
    expect(replicasForAverageValue(2, 110_001, 50_000)).toBe(3)
    expect(replicasForAverageValue(10, 0, 50_000)).toBe(0)
    expect(replicasForAverageValue(0, 1, 50_000)).toBe(1)
  })

  test('as a value, in proportion to those that are ready', () => {
    expect(replicasForValue(2, 2, 90, 30)).toBe(6)
    expect(replicasForValue(4, 4, 32, 30)).toBe(4)
  })
})

/** One look every 15 s, each time for what is asked then. @returns the replicas after each */
const looks = (
  { bounds, behavior, from }: { bounds: Bounds; behavior: Behavior; from: number },
  asked: readonly number[],
) => {
  let current = from
  let history: History = noHistory
  return asked.map((it, look) => {
    const scaled = scale({ bounds, behavior }, { at: look * 15, current, asked: it }, history)
    ;({ replicas: current, history } = scaled)
    return current
  })
}
const bounds = { minReplicas: 1, maxReplicas: 1_000 }
const always = (replicas: number, times: number) => Array<number>(times).fill(replicas)
const down = (rules: Partial<Behavior['scaleDown']>): Behavior => ({
  ...defaultBehavior,
  scaleDown: { ...defaultBehavior.scaleDown, stabilizationWindowSeconds: 0, ...rules },
})
const pods = (value: number, periodSeconds: number) => {
  return { type: 'Pods', value, periodSeconds } as const
}
const percent = (value: number, periodSeconds: number) => {
  return { type: 'Percent', value, periodSeconds } as const
}

describe('how fast it is followed', () => {
  test('by default 4 more every 15 s, or twice as many, whichever is more', () => {
    const options = { bounds: { minReplicas: 1, maxReplicas: 30 }, behavior: defaultBehavior }
    expect(looks({ ...options, from: 1 }, always(1_000, 5))).toEqual([5, 10, 20, 30, 30])
  })

  test('by default down at once to what was the most asked for in the last 5 minutes', () => {
    const asked = [10, 4, ...always(2, 22)]
    const replicas = looks({ bounds, behavior: defaultBehavior, from: 10 }, asked)
    // The look at 300 s is the first that no longer sees the 10 asked for at 0 s.
    expect(replicas.slice(0, 20)).toEqual(always(10, 20))
    expect(replicas.slice(20)).toEqual([4, 2, 2, 2])
  })

  test('the example of the documentation: 10% or 4 pods a minute, whichever is more', () => {
    // "80 replicas … during the first step 8 will be reduced. With 72, 10% is 7.2, rounded up to 8."
    const behavior = down({ policies: [pods(4, 60), percent(10, 60)] })
    const replicas = looks({ bounds, behavior, from: 80 }, always(10, 40))
    const everyMinute = replicas.filter((_, look) => look % 4 === 0)
    expect(everyMinute.slice(0, 4)).toEqual([72, 64, 57, 51])
    // "When the number of replicas falls to 40 and below, 4 are reduced."
    expect(everyMinute.slice(-4)).toEqual([36, 32, 28, 24])
    expect(replicas.slice(0, 5)).toEqual([72, 72, 72, 72, 64])
  })

  test('the least of several policies with selectPolicy Min, none with Disabled', () => {
    const policies = [percent(10, 60), pods(5, 60)]
    const least = down({ policies, selectPolicy: 'Min' })
    expect(looks({ bounds, behavior: least, from: 100 }, [10])).toEqual([95])
    const none = down({ selectPolicy: 'Disabled' })
    expect(looks({ bounds, behavior: none, from: 100 }, [10])).toEqual([100])
  })

  test('a window for the way up waits until the least asked for in it is more', () => {
    const scaleUp = { ...defaultBehavior.scaleUp, stabilizationWindowSeconds: 60 }
    const behavior = { ...defaultBehavior, scaleUp }
    expect(looks({ bounds, behavior, from: 2 }, [2, 9, 9, 9, 9, 9])).toEqual([2, 2, 2, 2, 6, 9])
  })

  test('never beyond its bounds', () => {
    const options = { bounds: { minReplicas: 2, maxReplicas: 10 }, behavior: down({}) }
    expect(looks({ ...options, from: 8 }, [1_000, 0, 0])).toEqual([10, 2, 2])
  })

  test('what was added a moment ago may be taken away beyond what a policy allows of the rest', () => {
    const behavior = down({ policies: [pods(1, 60)] })
    // 4 added at 0 s: a minute ago there were 4, so 3 are allowed.
    expect(looks({ bounds, behavior, from: 4 }, [8, 1])).toEqual([8, 3])
  })
})
