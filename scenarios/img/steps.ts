/** What is done to a picture, each step a function of bytes and text. The recognizers are rules of thumb: they look at pixels, as models would. */
import sharp from 'sharp';

/** Of a picture that is kept: no larger than this, as WebP. */
const sideMax = 800;
const blocks = 40;

/** What was uploaded, turned upright and of a bounded size. What was said with it stays with it. */
export async function normalize(upload: Uint8Array): Promise<Uint8Array> {
  const fitting = sharp(upload).rotate().resize(sideMax, sideMax, { fit: 'inside', withoutEnlargement: true });
  return fitting.keepExif().jpeg({ quality: 90 }).toBuffer();
}

/** Whether much of it is of the colour of skin (the rule of Peer and Kovač, for daylight). */
export function showsSkin(picture: Uint8Array): Promise<boolean> {
  return isMuch(picture, 0.15, (r, g, b) => r > 95 && g > 40 && b > 20 && r - Math.min(g, b) > 15 && r - g > 15 && r > b && g > 60);
}

/** Whether much of it is of the colour of blood. */
export function showsBlood(picture: Uint8Array): Promise<boolean> {
  return isMuch(picture, 0.1, (r, g, b) => r > 90 && g < 60 && b < 60);
}

/** Whether the pixels that fit are more than this share of all. */
async function isMuch(picture: Uint8Array, share: number, fits: (r: number, g: number, b: number) => boolean): Promise<boolean> {
  const { data, info } = await sharp(picture).blur(2).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  let fitting = 0;
  for (let i = 0; i < data.length; i += 3) if (fits(data[i] ?? 0, data[i + 1] ?? 0, data[i + 2] ?? 0)) fitting++;
  return fitting > share * info.width * info.height;
}

/** The text that comes with it: its description. */
export async function extractText(picture: Uint8Array): Promise<string> {
  const { exif } = await sharp(picture).metadata();
  return exif ? descriptionIn(exif) : '';
}

const descriptionTag = 0x010e;

/** The first directory of TIFF: entries of 12 bytes, each tag, type, length, and the place of its text. */
function descriptionIn(exif: Buffer): string {
  const tiff = exif.subarray(6);
  const isLittle = tiff.toString('latin1', 0, 2) === 'II';
  const short = (at: number) => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const long = (at: number) => (isLittle ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at));
  const directory = long(4);
  for (let i = 0; i < short(directory); i++) {
    const entry = directory + 2 + i * 12;
    if (short(entry) !== descriptionTag) continue;
    const place = long(entry + 8);
    return tiff.toString('utf8', place, place + long(entry + 4) - 1);
  }
  return '';
}

const dictionary: ReadonlyMap<string, string> = new Map(
  Object.entries({
    wir: 'we',
    sehen: 'see',
    dich: 'you',
    morgen: 'tomorrow',
    tot: 'dead',
    du: 'you',
    narr: 'fool',
    ein: 'a',
    schöner: 'lovely',
    tag: 'day',
    am: 'by the',
    berg: 'mountain',
  }),
);

/** Word by word. */
export function translate(text: string): string {
  const words = text.split(/\s+/);
  return words.map((word) => dictionary.get(word) ?? word).join(' ');
}

const offensive = new Set(['dead', 'fool']);

export function isOffensive(text: string): boolean {
  return text.split(/\s+/).some((word) => offensive.has(word));
}

/** As large as it was, but only so many blocks across: nobody can tell what it shows. */
export async function mosaic(picture: Uint8Array): Promise<Uint8Array> {
  const { width, height } = await sharp(picture).metadata();
  const coarse = await sharp(picture).resize(blocks, blocks, { fit: 'fill', kernel: 'nearest' }).png().toBuffer();
  return sharp(coarse).resize(width, height, { fit: 'fill', kernel: 'nearest' }).webp({ lossless: true }).toBuffer();
}

/** As it is shown: small, and without what it says about its author. */
export async function compress(picture: Uint8Array): Promise<Uint8Array> {
  return sharp(picture).webp({ quality: 80 }).toBuffer();
}
