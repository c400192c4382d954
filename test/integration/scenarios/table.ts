/** The suite of scenarios, small: for each its options, and what its report must have, wherever it runs. */
export const scenarios: Readonly<Record<string, readonly [options: string, report: object]>> = {
  'ad-stream': ['--events 300 --rate 3000', { mistakes: 0, result: { views: 98 } }],
  batch: ['--readings 23 --size 5 --max-wait-ms 50', { distinct: 23, result: { stored: 23 } }],
  chain: ['--length 20', { sessions: 1, invocations: 20, objects: 20, result: { steps: 20 } }],
  choice: ['--orders 7', { sessions: 7, invocations: 14, result: { approved: 3, 'asked a human': 2, refused: 2 } }],
  'fan-in': ['--width 9', { invocations: 10, objects: 18, last: 64, result: { gathered: 9 } }],
  img: [
    '--pictures 8 --width 200',
    { sessions: 8, mistakes: 0, result: { pictures: 8, hidden: { harmless: 0, skin: 2, blood: 2, words: 2 } } },
  ],
  'map-join': ['--branches 3 --depth 2', { invocations: 17, joins: 4, result: { leaves: 9, positions: 36 } }],
  'ml-pipeline': ['--images 6 --k 2 --n 3 --straggler-ms 100', { sessions: 6, mistakes: 0, result: { images: 6, answers: 12 } }],
  nexmark: ['--events 3000 --rate 30000', { distinct: [2760, 6, 2760], result: { events: 3000, windows: 1, bids: 2760, selected: 6 } }],
  redundant: ['--k 2 --n 5', { decisions: 1, waited: false, result: { answered: ['replica 3', 'replica 4'] } }],
  svd: ['--rows 300 --columns 12 --blocks 4', { sessions: 1, invocations: 9, isExact: true, result: { rank: 12, pieces: 5 } }],
  sort: ['--records 5000 --binary', { sessions: 1, result: { records: 5_000, unordered: 0, duplicateKeys: 0 } }],
  'two-tier': ['--length 100 --crowd 6 --megabytes 1', { result: { steps: 100, crowd: 6, messagesOfSteps: 0, isReducedNear: true } }],
  'word-count': ['--input LICENSE --top 1 --maps 2 --reducers 3', { invocations: 5, input: { files: 1 }, result: { top: [['the', 15]] } }],
};
