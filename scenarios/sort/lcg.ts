/**
 * The random numbers of gensort: xₙ₊₁ = a·xₙ + c modulo 2¹²⁸, from 0. In eight limbs of 16 bits, the least significant first: sums of eight
 * products are exact in a number, and no bigint is made for each record.
 */
const multiplier = 0x2360ed051fc65da44385df649fccf645n;
const increment = 0x4a696d47726179524950202020202001n;
const modulus = 1n << 128n;
const limbs = 8;

export class Lcg {
  /** The number at hand: the first one, when it is new. */
  readonly limbs: Uint16Array;

  /** Begins with the number that is `skipped` behind the first. */
  constructor(skipped: number) {
    this.limbs = toLimbs(numberAfter(BigInt(skipped) + 1n));
  }

  /** Goes on to the next number. */
  next(): void {
    const x = this.limbs;
    const product = scratch;
    let carry = 0;
    for (let i = 0; i < limbs; i++) {
      let sum = carry + (c[i] ?? 0);
      for (let j = 0; j <= i; j++) sum += (a[j] ?? 0) * (x[i - j] ?? 0);
      product[i] = sum;
      carry = Math.floor(sum / 0x1_0000);
    }
    x.set(product);
  }
}

/** After so many steps from 0: steps are put together by squaring. */
function numberAfter(steps: bigint): bigint {
  let x = 0n;
  let factor = multiplier;
  let summand = increment;
  for (let rest = steps; rest > 0n; rest >>= 1n) {
    if (rest & 1n) x = (factor * x + summand) % modulus;
    summand = ((factor + 1n) * summand) % modulus;
    factor = (factor * factor) % modulus;
  }
  return x;
}

function toLimbs(x: bigint): Uint16Array {
  return Uint16Array.from({ length: limbs }, (_, i) => Number((x >> BigInt(16 * i)) & 0xffffn));
}

const a = toLimbs(multiplier);
const c = toLimbs(increment);
/** A limb too large keeps its low bits only. */
const scratch = new Uint16Array(limbs);
