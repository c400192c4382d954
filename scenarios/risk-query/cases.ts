/** The data: cases at places, more of them in towns, as a seed makes them; and indexes of shares of them, by the squares of a grid. */
import { randomFrom } from '../random.ts';

/** The same data everywhere. */
export interface Data {
  readonly seed: number;
  readonly cases: number;
}

/** In a square country, 0 to 1 from west to east and from south to north. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

export interface Case extends Place {
  /** How bad it is, 1 to 3. */
  readonly weight: number;
}

export const nearbyRadius = 0.01;

const towns = 40;
const townRadius = 0.03;

/** All cases, in no order of place. Half of them are in towns. */
export function* makeCases({ seed, cases }: Data): Generator<Case> {
  const random = randomFrom(seed);
  const centres = Array.from({ length: towns }, (): Place => ({ x: random(), y: random() }));
  for (let i = 0; i < cases; i++) {
    const town = centres[Math.floor(random() * towns * 2)];
    const [x, y] = [random(), random()];
    const weight = 1 + Math.floor(random() * 3);
    yield town ? { x: town.x + (x - 0.5) * townRadius, y: town.y + (y - 0.5) * townRadius, weight } : { x, y, weight };
  }
}

/** An index of a share by squares as wide as the radius: what is near a place is in its square or one of the eight around it. */
export class Grid {
  readonly #squares = new Map<number, Case[]>();

  add(item: Case): void {
    const square = squareOf(columnOf(item.x), columnOf(item.y));
    const known = this.#squares.get(square);
    if (known) known.push(item);
    else this.#squares.set(square, [item]);
  }

  /** The weights of the cases within the radius. */
  weightsNear({ x, y }: Place): Uint8Array {
    const weights: number[] = [];
    for (let column = columnOf(x) - 1; column <= columnOf(x) + 1; column++) {
      for (let row = columnOf(y) - 1; row <= columnOf(y) + 1; row++) {
        for (const item of this.#squares.get(squareOf(column, row)) ?? []) {
          if (Math.hypot(item.x - x, item.y - y) <= nearbyRadius) weights.push(item.weight);
        }
      }
    }
    return Uint8Array.from(weights);
  }
}

/** The cases dealt out to so many shares. */
export function makeGrids(data: Data, shares: number): Grid[] {
  const grids = Array.from({ length: shares }, () => new Grid());
  let next = 0;
  for (const item of makeCases(data)) grids[next++ % shares]?.add(item);
  return grids;
}

function columnOf(coordinate: number): number {
  return Math.floor(coordinate / nearbyRadius);
}

function squareOf(column: number, row: number): number {
  return column * 10_000 + row;
}
