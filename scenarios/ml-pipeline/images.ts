/** Images to be classified: shapes of any colours, more or less in the middle, turned a little, as JPEG; and their pixels. */
import sharp from 'sharp';
import { Random } from '../random.ts';

export const shapes = ['circle', 'square', 'triangle', 'star', 'cross'] as const;

export interface LabelledImage {
  readonly jpeg: Uint8Array;
  /** The position of its shape in `shapes`. */
  readonly label: number;
}

const width = 320;
const height = 240;

/** The i-th image, always the same one. */
export async function drawImage(i: number): Promise<LabelledImage> {
  const random = new Random(i);
  const label = i % shapes.length;
  const [hue, lightness] = [random.below(360), random.between(15, 40)];
  const isInverse = random.below(2) === 0;
  const back = `hsl(${hue},60%,${isInverse ? lightness : 100 - lightness}%)`;
  const front = `hsl(${(hue + 120) % 360},70%,${isInverse ? 100 - lightness : lightness}%)`;
  const x = width / 2 + random.between(-20, 20);
  const y = height / 2 + random.between(-20, 20);
  const place = `translate(${x} ${y}) rotate(${random.between(-15, 15)}) scale(${random.between(0.7, 1.1)})`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="${back}"/>
    <path transform="${place}" fill="${front}" d="${outlineOf(label)}"/></svg>`;
  const noisy = sharp(Buffer.from(svg)).blur(random.between(0.5, 3));
  return { jpeg: await noisy.jpeg({ quality: 70 }).toBuffer(), label };
}

/** A path around the origin, about 160 wide. */
function outlineOf(label: number): string {
  const shape = shapes[label];
  if (shape === 'circle') return polygon(60, () => 75);
  if (shape === 'square') return 'M-70-70H70V70H-70Z';
  if (shape === 'triangle') return polygon(3, () => 90);
  if (shape === 'star') return polygon(10, (i) => (i % 2 === 0 ? 95 : 38));
  return 'M-25-80H25V-25H80V25H25V80H-25V25H-80V-25H-25Z';
}

function polygon(corners: number, radiusOf: (i: number) => number): string {
  const points = Array.from({ length: corners }, (_, i) => {
    const angle = (i / corners) * 2 * Math.PI - Math.PI / 2;
    return `${radiusOf(i) * Math.cos(angle)} ${radiusOf(i) * Math.sin(angle)}`;
  });
  return `M${points.join('L')}Z`;
}

export const side = 32;

/** The grey levels of the image's middle, `side` × `side`. */
export async function resizeImage(jpeg: Uint8Array): Promise<Uint8Array> {
  return sharp(jpeg).resize(side, side, { fit: 'cover' }).greyscale().raw().toBuffer();
}
