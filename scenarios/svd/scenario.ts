/** Shows a computation of two joins, one inside the other, on large objects; the answer is checked by a library and by what it must satisfy. */
import { Matrix as Dense, SingularValueDecomposition } from 'ml-matrix';
import { BadOption, defineScenario } from '../scenario.ts';
import app, { type Piece } from './app.ts';
import { type Matrix, rowsFrom, stack } from './matrix.ts';

/** Relative, in units of the rounding error times what is summed up. */
const errorMax = 1e-12;

export default defineScenario({
  about: 'the singular values and vectors of a tall matrix, by blocks of its rows (dynamicJoin)',
  app,
  options: {
    rows: { about: 'rows', default: 8_000, min: 1, max: 1_000_000 },
    columns: { about: 'columns', default: 64, min: 1, max: 1_000 },
    blocks: { about: 'blocks of rows; none has fewer rows than columns', default: 8, min: 1, max: 1_000 },
  },
  async run(runtime, { rows, columns, blocks: count }, stage) {
    const blockRows = Math.ceil(rows / count);
    const starts = Array.from({ length: count }, (_, block) => block * blockRows);
    if (rows - (starts.at(-1) ?? 0) < columns)
      throw new BadOption('blocks', count, `of ${rows} rows, one would have fewer than the ${columns} columns`);
    const matrix = makeMatrix(rows, columns);
    stage.expectInvocations(2 * count + 1);

    const startedMs = performance.now();
    const pieces = await runtime.call(
      app,
      { blocks: starts.map((start, block) => ({ key: String(block), value: rowsFrom(matrix, start, start + blockRows) })) },
      { until: 'end', expect: [{ bucket: 'triangles', count }] },
    );
    const decomposedMs = performance.now() - startedMs;

    const libraryStartedMs = performance.now();
    const library = new SingularValueDecomposition(dense(matrix));
    const libraryMs = performance.now() - libraryStartedMs;
    const errors = errorsOf(matrix, pieces, library.diagonal);
    return {
      result: { rows, columns, blocks: count, rank: library.rank, pieces: pieces.length, greatest: library.diagonal[0] },
      details: {
        errors,
        isExact: Object.values(errors).every((error) => error <= errorMax * Math.sqrt(rows * columns)),
        ms: { decomposed: Math.round(decomposedMs), library: Math.round(libraryMs) },
      },
      expected: { pieces: count + 1, isExact: true },
    };
  },
});

/** Waves of ever less weight, and a little noise: its singular values fall from thousands to about one. */
function makeMatrix(rows: number, columns: number): Matrix {
  const data = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const noise = (Math.imul(i * columns + j + 1, 0x9e3779b1) >>> 8) / 2 ** 24 - 0.5;
      data[i * columns + j] = 10 * Math.sin(i / 40 + j) + 3 * Math.cos((i * (j + 1)) / 300) + 0.05 * noise;
    }
  }
  return { columns, data };
}

/** How far it is from what it must be, relative to the matrix. */
function errorsOf(matrix: Matrix, pieces: readonly Piece[], singularValues: readonly number[]) {
  const rest = pieces.find((piece) => piece.kind === 'sv');
  if (!rest) return { missing: Number.POSITIVE_INFINITY };
  const parts = pieces.filter((piece) => piece.kind === 'u').sort((a, b) => a.block - b.block);
  const a = dense(matrix);
  const u = dense(stack(parts.map((part) => part.u)));
  const v = dense(rest.v);
  const product = u.mmul(Dense.diag([...rest.s])).mmul(v.transpose());
  return {
    singularValues: Math.max(...singularValues.map((value, i) => Math.abs(value - (rest.s[i] ?? 0)))) / (singularValues[0] ?? 1),
    reconstruction: Dense.sub(a, product).norm() / a.norm(),
    orthogonality: Dense.sub(u.transpose().mmul(u), Dense.eye(matrix.columns)).norm(),
  };
}

function dense({ columns, data }: Matrix): Dense {
  return Dense.from1DArray(data.length / columns, columns, data);
}
