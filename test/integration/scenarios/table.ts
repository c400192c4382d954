/** The suite of scenarios, small: for each its options, and what its report must have, wherever it runs. */
export const scenarios: Readonly<Record<string, readonly [options: string, report: object]>> = {
  'ad-stream': ['--events 300 --rate 3000', { mistakes: 0, result: { views: 98 } }],
  batch: ['--readings 23 --size 5 --max-wait-ms 50', { distinct: 23, result: { stored: 23 } }],
  chain: ['--length 20', { sessions: 1, invocations: 20, objects: 20, result: { steps: 20 } }],
  choice: ['--orders 7', { sessions: 7, invocations: 14, result: { approved: 3, 'asked a human': 2, refused: 2 } }],
  'data-exchange': ['--rounds 2 --largest 100000', { result: { mistakes: 0, astray: 0 } }],
  'fan-in': ['--width 9', { invocations: 10, objects: 18, last: 64, result: { gathered: 9 } }],
  'fault-tolerance': ['--chains 20 --ms 200 --percent 5', { mistakes: 0, isNearIdeal: true, result: { idealRatio: 0.5 } }],
  interaction: ['--rounds 3', { mistakes: 0, result: { calls: 36 } }],
  'map-join': ['--branches 3 --depth 2', { invocations: 17, joins: 4, result: { leaves: 9, positions: 36 } }],
  'parallel-sleep': ['--count 200 --ms 100', { sessions: 2, invocations: 400, outputs: 200, tooShort: 0, result: { ran: 200 } }],
  redundant: ['--k 2 --n 5', { decisions: 1, waited: false, result: { answered: ['replica 3', 'replica 4'] } }],
  'risk-query': ['--queries 20 --cases 5000', { mistakes: 0, result: { low: 19, medium: 1, high: 0 } }],
  'two-tier': ['--length 100 --crowd 6 --megabytes 1', { result: { steps: 100, crowd: 6, messagesOfSteps: 0, isReducedNear: true } }],
  'word-count': ['--input LICENSE --top 1 --maps 2 --reducers 3', { invocations: 5, input: { files: 1 }, result: { top: [['the', 15]] } }],
};
