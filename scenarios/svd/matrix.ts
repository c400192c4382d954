/** Dense matrices, and what of linear algebra a blocked singular value decomposition needs. */

/** Row by row. */
export interface Matrix {
  readonly columns: number;
  readonly data: Float64Array;
}

export interface Svd {
  /** As many orthonormal columns as the matrix has. */
  readonly u: Matrix;
  /** The greatest first. */
  readonly s: Float64Array;
  readonly v: Matrix;
}

export function rowsOf({ columns, data }: Matrix): number {
  return data.length / columns;
}

/** Columns of a matrix as vectors, and back: both algorithms below go by columns. */
function columnsOf(matrix: Matrix): Float64Array[] {
  const rows = rowsOf(matrix);
  return Array.from({ length: matrix.columns }, (_, j) =>
    Float64Array.from({ length: rows }, (__, i) => matrix.data[i * matrix.columns + j] ?? 0),
  );
}

function fromColumns(vectors: readonly Float64Array[]): Matrix {
  const columns = vectors.length;
  const rows = vectors[0]?.length ?? 0;
  const data = new Float64Array(rows * columns);
  for (const [j, vector] of vectors.entries()) for (let i = 0; i < rows; i++) data[i * columns + j] = vector[i] ?? 0;
  return { columns, data };
}

/** The rows from `from` to before `to`. */
export function rowsFrom({ columns, data }: Matrix, from: number, to: number): Matrix {
  return { columns, data: data.slice(from * columns, to * columns) };
}

/** One below the other. */
export function stack(matrices: readonly Matrix[]): Matrix {
  const data = new Float64Array(matrices.reduce((sum, matrix) => sum + matrix.data.length, 0));
  let filled = 0;
  for (const matrix of matrices) {
    data.set(matrix.data, filled);
    filled += matrix.data.length;
  }
  return { columns: matrices[0]?.columns ?? 0, data };
}

export function multiply(a: Matrix, b: Matrix): Matrix {
  const rows = rowsOf(a);
  const data = new Float64Array(rows * b.columns);
  for (let i = 0; i < rows; i++) {
    const row = data.subarray(i * b.columns, (i + 1) * b.columns);
    for (let k = 0; k < a.columns; k++) addScaled(row, a.data[i * a.columns + k] ?? 0, b.data.subarray(k * b.columns, (k + 1) * b.columns));
  }
  return { columns: b.columns, data };
}

/** A tall matrix as Q × R: orthonormal columns, and an upper triangle. Gram–Schmidt, done twice: once would lose orthogonality. */
export function factorQr(matrix: Matrix): { readonly q: Matrix; readonly r: Matrix } {
  const { columns } = matrix;
  const q = columnsOf(matrix);
  const r = new Float64Array(columns * columns);
  for (const [j, vector] of q.entries()) {
    const before = norm(vector);
    for (let round = 0; round < 2; round++) {
      for (const [i, earlier] of q.slice(0, j).entries()) {
        const share = dot(earlier, vector);
        r[i * columns + j] = (r[i * columns + j] ?? 0) + share;
        addScaled(vector, -share, earlier);
      }
    }
    const length = norm(vector);
    // A column that depends on the earlier ones has no direction of its own.
    const isDependent = length <= before * Number.EPSILON * columns;
    r[j * columns + j] = isDependent ? 0 : length;
    scale(vector, isDependent ? 0 : 1 / length);
  }
  return { q: fromColumns(q), r: { columns, data: r } };
}

const sweepsMax = 60;

/** One-sided Jacobi: columns are rotated in pairs until all are orthogonal; their lengths are then the singular values. */
export function decompose(matrix: Matrix): Svd {
  const u = columnsOf(matrix);
  const v = u.map((_, j) => Float64Array.from(u, (__, i) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < sweepsMax && rotateAll(u, v); sweep++);
  const lengths = u.map(norm);
  const order = [...lengths.keys()].sort((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0));
  const ordered = (vectors: readonly Float64Array[]) => order.map((j) => vectors[j] ?? new Float64Array());
  for (const [j, vector] of u.entries()) scale(vector, lengths[j] ? 1 / lengths[j] : 0);
  return { u: fromColumns(ordered(u)), s: Float64Array.from(order, (j) => lengths[j] ?? 0), v: fromColumns(ordered(v)) };
}

/** Whether there was a pair to rotate. */
function rotateAll(u: readonly Float64Array[], v: readonly Float64Array[]): boolean {
  let isRotated = false;
  for (const [p, up] of u.entries()) {
    for (const [after, uq] of u.slice(p + 1).entries()) {
      const a = dot(up, up);
      const b = dot(uq, uq);
      const c = dot(up, uq);
      if (Math.abs(c) <= Number.EPSILON * Math.sqrt(a * b)) continue;
      isRotated = true;
      const zeta = (b - a) / (2 * c);
      const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
      const cosine = 1 / Math.sqrt(1 + tangent * tangent);
      rotate(up, uq, cosine, cosine * tangent);
      const [vp, vq] = [v[p], v[p + 1 + after]];
      if (vp && vq) rotate(vp, vq, cosine, cosine * tangent);
    }
  }
  return isRotated;
}

function rotate(x: Float64Array, y: Float64Array, cosine: number, sine: number): void {
  for (let i = 0; i < x.length; i++) {
    const [xi, yi] = [x[i] ?? 0, y[i] ?? 0];
    x[i] = cosine * xi - sine * yi;
    y[i] = sine * xi + cosine * yi;
  }
}

function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] ?? 0) * (y[i] ?? 0);
  return sum;
}

function norm(x: Float64Array): number {
  return Math.sqrt(dot(x, x));
}

function scale(x: Float64Array, by: number): void {
  for (let i = 0; i < x.length; i++) x[i] = (x[i] ?? 0) * by;
}

function addScaled(x: Float64Array, by: number, y: Float64Array): void {
  for (let i = 0; i < x.length; i++) x[i] = (x[i] ?? 0) + by * (y[i] ?? 0);
}
