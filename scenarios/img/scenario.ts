/** Shows branches and choices over large objects: each picture goes its own way, and none is sent twice. */
import { createHash } from 'node:crypto';
import type { Runtime } from 'pheromone';
import { defineScenario } from '../scenario.ts';
import { delayOf } from '../stream.ts';
import app, { type Shown } from './app.ts';
import { drawPicture, type Picture, subjects } from './pictures.ts';
import { compress, extractText, isOffensive, mosaic, normalize, showsBlood, showsSkin, translate } from './steps.ts';

export default defineScenario({
  about: "DataFlower's image pipeline: recognizers in branches, then text, then a mosaic for what must be hidden (bySet, byName)",
  app,
  options: {
    pictures: { about: 'pictures', default: 24, min: 1, max: 10_000 },
    width: { about: 'their width in pixels', default: 1_600, min: 16, max: 8_000 },
    atOnce: { about: 'pictures that are under way at the same time', default: 4, min: 1, max: 100 },
  },
  async run(runtime, { pictures: count, width, atOnce }, stage) {
    stage.expectInvocations(count * 7);
    const pictures: Picture[] = [];
    for (let i = 0; i < count; i++) pictures.push(await drawPicture(i, width));

    const startedMs = performance.now();
    const shown = await showAll(runtime, pictures, atOnce);
    const shownMs = performance.now() - startedMs;

    const directMs = performance.now();
    const direct: Shown[] = [];
    for (const { jpeg } of pictures) direct.push(await showDirectly(jpeg));
    const hidden = (subject: string) => shown.filter(({ is }, i) => is.isHidden && pictures[i]?.subject === subject).length;
    const drawn = (subject: string) => pictures.filter((picture) => picture.subject === subject).length;
    return {
      result: { pictures: count, hidden: Object.fromEntries(subjects.map((subject) => [subject, hidden(subject)])) },
      details: {
        mistakes: shown.filter(({ is }, i) => digestOf(is) !== digestOf(direct[i])).length,
        ms: { shown: Math.round(shownMs), oneByOneWithoutRuntime: Math.round(performance.now() - directMs) },
        delay: delayOf([Float64Array.from(shown, ({ ms }) => ms)]),
      },
      // Which are to be hidden is known from how they were drawn.
      expected: {
        mistakes: 0,
        hidden: Object.fromEntries(subjects.map((subject) => [subject, subject === 'harmless' ? 0 : drawn(subject)])),
      },
    };
  },
});

/** A session for each picture, so many at a time. */
async function showAll(runtime: Runtime, pictures: readonly Picture[], atOnce: number) {
  const shown: { readonly is: Shown; readonly ms: number }[] = [];
  const left = pictures.entries();
  const work = async () => {
    for (const [i, { jpeg }] of left) {
      const startedMs = performance.now();
      const is = await runtime.call(app, 'uploads', jpeg);
      if (!is) throw new Error(`picture ${i} is neither shown nor hidden`);
      shown[i] = { is, ms: performance.now() - startedMs };
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return shown;
}

/** The same as a plain program. */
async function showDirectly(jpeg: Uint8Array): Promise<Shown> {
  const picture = await normalize(jpeg);
  const isHidden = (await showsSkin(picture)) || (await showsBlood(picture)) || isOffensive(translate(await extractText(picture)));
  return { isHidden, webp: await (isHidden ? mosaic(picture) : compress(picture)) };
}

function digestOf(shown: Shown | undefined): string {
  return createHash('sha256')
    .update(shown?.webp ?? new Uint8Array())
    .update(String(shown?.isHidden))
    .digest('hex');
}
