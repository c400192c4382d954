/** Pictures as users upload them: of any content, as JPEG with a description. Drawn, because which are to be hidden must be known. */
import sharp from 'sharp';
import { Random } from '../random.ts';

export const subjects = ['harmless', 'skin', 'blood', 'words'] as const;
export type Subject = (typeof subjects)[number];

export interface Picture {
  readonly jpeg: Uint8Array;
  readonly subject: Subject;
}

/** The i-th picture of this width, always the same one. */
export async function drawPicture(i: number, width: number): Promise<Picture> {
  const subject = subjects[i % subjects.length] ?? 'harmless';
  const random = new Random(i);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${Math.round(width * 0.75)}" viewBox="0 0 400 300">
    <defs><linearGradient id="sky" x2="0" y2="1"><stop stop-color="hsl(${200 + random.below(30)},70%,55%)"/>
    <stop offset="1" stop-color="hsl(${170 + random.below(30)},50%,85%)"/></linearGradient></defs>
    <rect width="400" height="300" fill="url(#sky)"/>${hills(random)}${foreground(subject, random)}</svg>`;
  const description = subject === 'words' ? 'wir sehen dich morgen tot du narr' : 'ein schöner tag am berg';
  const jpeg = await sharp(Buffer.from(svg))
    .withExif({ IFD0: { ImageDescription: description, Artist: `user ${i}` } })
    .jpeg({ quality: 85 })
    .toBuffer();
  return { jpeg, subject };
}

function hills(random: Random): string {
  return Array.from({ length: 5 }, () => {
    const [x, y] = [random.below(400), 220 + random.below(60)];
    return `<ellipse cx="${x}" cy="${y + 80}" rx="${80 + random.below(90)}" ry="110" fill="hsl(${90 + random.below(40)},45%,${25 + random.below(20)}%)"/>`;
  }).join('');
}

function foreground(subject: Subject, random: Random): string {
  const at = `cx="${150 + random.below(100)}" cy="${130 + random.below(40)}"`;
  if (subject === 'skin')
    return `<ellipse ${at} rx="110" ry="100" fill="rgb(${215 + random.below(20)},${160 + random.below(15)},${125 + random.below(15)})"/>`;
  if (subject === 'blood')
    return `<ellipse ${at} rx="100" ry="90" fill="rgb(${150 + random.below(40)},${random.below(15)},${random.below(15)})"/>`;
  return `<circle ${at} r="40" fill="hsl(50,90%,${60 + random.below(20)}%)"/>`;
}
