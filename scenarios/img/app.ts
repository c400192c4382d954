/**
 * DataFlower's image pipeline: pictures that users upload are looked at for what must not be shown, and hidden by a mosaic.
 *
 *     uploads ──immediate──► upload ──► pictures ──immediate──► adult ────┐
 *                                          └─────immediate──► violence ──┴─► findings ──bySet──► judge ──► steps
 *
 *     steps ──byName 'mosaic'───► mosaic ──► output
 *       ├─────byName 'extract'──► extract ──► texts ──immediate──► translate ──► english ──immediate──► censor ──► steps
 *       └─────byName 'compress'─► compress ──► output
 *
 * A step needs the picture, which is in `pictures` as long as the session lives.
 */
import { bucket, byName, bySet, type Context, defineApp, fn, immediate, type } from 'pheromone';
import { compress, extractText, isOffensive, mosaic, normalize, showsBlood, showsSkin, translate } from './steps.ts';

export interface Shown {
  readonly isHidden: boolean;
  readonly webp: Uint8Array;
}

const uploads = bucket('uploads', { value: type<Uint8Array>() });
/** Under the key `picture`. */
const pictures = bucket('pictures', { value: type<Uint8Array>() });
/** Whether it must not be shown; the key says who says so. */
const findings = bucket('findings', { value: type<boolean>() });
/** The key is the step that comes next. */
const steps = bucket('steps', { value: type<null>() });
const texts = bucket('texts', { value: type<string>() });
const english = bucket('english', { value: type<string>() });

const upload = fn('upload', { input: uploads, sends: [pictures] }, async ({ bytes }, ctx) => {
  await ctx.send(pictures, { key: 'picture', value: await normalize(bytes) });
});

const adult = fn('adult', { input: pictures, sends: [findings] }, async ({ bytes }, ctx) => {
  await ctx.send(findings, { key: 'adult', value: await showsSkin(bytes) });
});

const violence = fn('violence', { input: pictures, sends: [findings] }, async ({ bytes }, ctx) => {
  await ctx.send(findings, { key: 'violence', value: await showsBlood(bytes) });
});

const judge = fn('judge', { inputs: findings, sends: [steps] }, async (inputs, ctx) => {
  await ctx.send(steps, { key: inputs.some(({ value }) => value) ? 'mosaic' : 'extract', value: null });
});

const extract = fn('extract', { input: steps, sends: [texts] }, async (_, ctx) => {
  await ctx.send(texts, { value: await extractText(await pictureOf(ctx)) });
});

const translator = fn('translate', { input: texts, sends: [english] }, async ({ value }, ctx) => {
  await ctx.send(english, { value: translate(value) });
});

const censor = fn('censor', { input: english, sends: [steps] }, async ({ value }, ctx) => {
  await ctx.send(steps, { key: isOffensive(value) ? 'mosaic' : 'compress', value: null });
});

const hide = fn('mosaic', { input: steps, output: type<Shown>() }, async (_, ctx) => {
  await ctx.output({ isHidden: true, webp: await mosaic(await pictureOf(ctx)) });
});

const show = fn('compress', { input: steps, output: type<Shown>() }, async (_, ctx) => {
  await ctx.output({ isHidden: false, webp: await compress(await pictureOf(ctx)) });
});

async function pictureOf(ctx: Pick<Context, 'get'>): Promise<Uint8Array> {
  const picture = await ctx.get(pictures, 'picture');
  if (!picture) throw new Error('the session has no picture');
  return picture.bytes;
}

export default defineApp('img', {
  module: import.meta.url,
  triggers: [
    uploads.on(immediate(), upload),
    pictures.on(immediate(), adult),
    pictures.on(immediate(), violence),
    findings.on(bySet({ keys: ['adult', 'violence'] }), judge),
    steps.on(byName({ key: 'extract' }), extract),
    texts.on(immediate(), translator),
    english.on(immediate(), censor),
    steps.on(byName({ key: 'mosaic' }), hide),
    steps.on(byName({ key: 'compress' }), show),
  ],
  // It has native code.
  external: ['sharp'],
});
