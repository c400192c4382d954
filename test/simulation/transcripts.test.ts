/**
 * The life cycles, as transcripts that one can read: `testdata/NAME.txt`. `UPDATE=1` writes them anew; read the difference.
 *
 * Each line: milliseconds since the user began, who handles the message, the message.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { allCheckers } from './checkers/index.ts';
import { noFaults } from './faults.ts';
import { type LifeCycle, lifeCycles, userStartsMs } from './life-cycles.ts';
import { World } from './world.ts';

/** Every world is the same but for its app and its user. */
const config = { executors: 2, arenaBytes: 64 * 1_024, sessionsOpenMax: 10, soloSessionsMax: 0, abortGraceMs: 50, executorRestartMs: 100 };

async function transcriptOf({ script, what }: LifeCycle): Promise<string> {
  const world = new World({ seed: 1, checkers: allCheckers(), faults: noFaults, script, config, keepTranscript: true });
  await world.run();
  const lines = world.transcript.lines.map((line) => ({ atMs: Number(line.slice(0, 8)) - userStartsMs, text: line.slice(9) }));
  const healed = lines.findIndex(({ text }) => text === 'healed');
  const shown = lines.slice(0, healed).filter(({ atMs }) => atMs >= 0);
  return `# ${what}\n\n${shown.map(({ atMs, text }) => `${atMs.toFixed(1).padStart(7)} ${text.trimEnd()}`).join('\n')}\n`;
}

for (const lifeCycle of lifeCycles) {
  test(`simulation: transcript ${lifeCycle.name}: ${lifeCycle.what}`, async (t) => {
    const file = new URL(`./testdata/${lifeCycle.name}.txt`, import.meta.url);
    const transcript = await transcriptOf(lifeCycle);
    if (process.env.UPDATE) writeFileSync(file, transcript);
    t.is(transcript, readFileSync(file, 'utf8'));
  });
}
