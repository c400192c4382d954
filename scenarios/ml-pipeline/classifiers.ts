/**
 * Plain classifiers: nearest centroid, each on features of its own. They differ in what they see, so that an average is better
 * than most of them alone.
 */
import { shapes, side } from './images.ts';

export interface Model {
  readonly name: FeatureName;
  /** By class: the mean of what its images have as features, one after the other. */
  readonly centroids: Float64Array;
  /** The mean squared distance of an image from the centroid of its class. */
  readonly spread: number;
}

type Features = (contrast: Float64Array) => Float64Array;

const featureSets = {
  pixels: (contrast) => pooled(contrast, 2),
  blocks: (contrast) => pooled(contrast, 4),
  profiles: (contrast) => {
    const sums = new Float64Array(2 * side);
    for (const [i, value] of contrast.entries()) {
      const [row, column] = [Math.floor(i / side), side + (i % side)];
      sums[row] = (sums[row] ?? 0) + value;
      sums[column] = (sums[column] ?? 0) + value;
    }
    return sums;
  },
  edges: (contrast) => {
    const bins = 12;
    const cells = new Float64Array(4 * bins);
    for (let y = 1; y < side - 1; y++) {
      for (let x = 1; x < side - 1; x++) {
        const dx = at(contrast, x + 1, y) - at(contrast, x - 1, y);
        const dy = at(contrast, x, y + 1) - at(contrast, x, y - 1);
        // Opposite directions are the same edge, from its other side.
        const turn = (Math.atan2(dy, dx) / Math.PI + 1) % 1;
        const cell = (y < side / 2 ? 0 : 2) + (x < side / 2 ? 0 : 1);
        const bin = cell * bins + Math.min(bins - 1, Math.floor(turn * bins));
        cells[bin] = (cells[bin] ?? 0) + Math.hypot(dx, dy);
      }
    }
    return cells;
  },
  rings: (contrast) => {
    const rings = new Float64Array(side);
    const [middleX, middleY] = middleOf(contrast);
    for (const [i, value] of contrast.entries()) {
      const ring = Math.floor(Math.hypot((i % side) - middleX, Math.floor(i / side) - middleY));
      if (ring < rings.length) rings[ring] = (rings[ring] ?? 0) + value;
    }
    return rings;
  },
} satisfies Readonly<Record<string, Features>>;

export type FeatureName = keyof typeof featureSets;

export const featureNames = Object.keys(featureSets) as readonly FeatureName[];

/** Of pixels and the class that each belongs to. */
export function fit(name: FeatureName, samples: readonly { readonly pixels: Uint8Array; readonly label: number }[]): Model {
  const seen = samples.map(({ pixels, label }) => ({ label, features: featuresOf(name, pixels) }));
  const width = seen[0]?.features.length ?? 0;
  const centroids = new Float64Array(width * shapes.length);
  for (const label of shapes.keys()) {
    const members = seen.filter((sample) => sample.label === label);
    for (const { features } of members) {
      for (let i = 0; i < width; i++)
        centroids[label * width + i] = (centroids[label * width + i] ?? 0) + (features[i] ?? 0) / members.length;
    }
  }
  const distances = seen.map(({ label, features }) => distance(features, centroids.subarray(label * width, (label + 1) * width)));
  return { name, centroids, spread: distances.reduce((sum, each) => sum + each, 0) / distances.length };
}

/** How probable each class is, in the classifier's opinion. */
export function classify({ name, centroids, spread }: Model, pixels: Uint8Array): Float64Array {
  const features = featuresOf(name, pixels);
  const width = features.length;
  const scores = Float64Array.from(shapes, (_, label) =>
    Math.exp((-4 * distance(features, centroids.subarray(label * width, (label + 1) * width))) / spread),
  );
  const sum = scores.reduce((total, score) => total + score, Number.MIN_VALUE);
  return scores.map((score) => score / sum);
}

export function average(opinions: readonly Float64Array[]): Float64Array {
  return Float64Array.from(shapes, (_, label) => opinions.reduce((sum, opinion) => sum + (opinion[label] ?? 0), 0) / opinions.length);
}

export function mostProbable(probabilities: Float64Array): number {
  return probabilities.indexOf(Math.max(...probabilities));
}

/** Scaled to length 1: a large image is not more of its class than a small one. */
function featuresOf(name: FeatureName, pixels: Uint8Array): Float64Array {
  const features = featureSets[name](contrastOf(pixels));
  const length = Math.sqrt(features.reduce((sum, value) => sum + value * value, 0)) || 1;
  return features.map((value) => value / length);
}

/** How much each pixel differs from the background, which is what the corner shows. */
function contrastOf(pixels: Uint8Array): Float64Array {
  const background = pixels[0] ?? 0;
  return Float64Array.from(pixels, (value) => Math.abs(value - background) / 255);
}

/** Squares of `size` × `size` pixels, each as their sum. */
function pooled(contrast: Float64Array, size: number): Float64Array {
  const across = side / size;
  const sums = new Float64Array(across * across);
  for (const [i, value] of contrast.entries()) {
    const square = Math.floor(Math.floor(i / side) / size) * across + Math.floor((i % side) / size);
    sums[square] = (sums[square] ?? 0) + value;
  }
  return sums;
}

/** Where the shape is. */
function middleOf(contrast: Float64Array): readonly [x: number, y: number] {
  let [x, y, weight] = [0, 0, Number.MIN_VALUE];
  for (const [i, value] of contrast.entries()) {
    x += (i % side) * value;
    y += Math.floor(i / side) * value;
    weight += value;
  }
  return [x / weight, y / weight];
}

function at(contrast: Float64Array, x: number, y: number): number {
  return contrast[y * side + x] ?? 0;
}

function distance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  return sum;
}
