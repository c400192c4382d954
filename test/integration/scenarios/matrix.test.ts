/** The linear algebra of svd, against a library. */
import test from 'ava';
import fc from 'fast-check';
import { Matrix as Dense, SingularValueDecomposition } from 'ml-matrix';
import { decompose, factorQr, type Matrix, multiply, rowsFrom, rowsOf, stack } from '../../../scenarios/svd/matrix.ts';

/** Tall, of numbers that are not tiny; dependent columns are likely. */
const tall: fc.Arbitrary<Matrix> = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 10 })).chain(([columns, more]) => {
  const size = columns * (columns + more);
  return fc
    .array(fc.integer({ min: -3, max: 3 }), { minLength: size, maxLength: size })
    .map((numbers) => ({ columns, data: Float64Array.from(numbers) }));
});

const errorMax = 1e-10;

function dense({ columns, data }: Matrix): Dense {
  return Dense.from1DArray(data.length / columns, columns, data);
}

function isClose(a: Dense, b: Dense): boolean {
  return Dense.sub(a, b).norm() < errorMax;
}

test('matrix: Q × R is the matrix, and R an upper triangle', (t) => {
  fc.assert(
    fc.property(tall, (matrix) => {
      const { q, r } = factorQr(matrix);
      t.true(isClose(dense(multiply(q, r)), dense(matrix)));
      t.true(r.data.every((value, i) => Math.floor(i / r.columns) <= i % r.columns || value === 0));
    }),
  );
});

test('matrix: U × S × V is the matrix, and S what a library finds', (t) => {
  fc.assert(
    fc.property(tall, (matrix) => {
      const { u, s, v } = decompose(matrix);
      const product = dense(u)
        .mmul(Dense.diag([...s]))
        .mmul(dense(v).transpose());
      t.true(isClose(product, dense(matrix)));
      const { diagonal } = new SingularValueDecomposition(dense(matrix));
      t.true(diagonal.every((value, i) => Math.abs(value - (s[i] ?? 0)) < errorMax));
      t.true(isClose(dense(v).transpose().mmul(dense(v)), Dense.eye(matrix.columns)));
    }),
  );
});

test('matrix: rows that are stacked again are the matrix', (t) => {
  fc.assert(
    fc.property(tall, fc.nat(5), (matrix, cut) => {
      t.deepEqual(stack([rowsFrom(matrix, 0, cut), rowsFrom(matrix, cut, rowsOf(matrix))].filter((part) => part.data.length > 0)), matrix);
    }),
  );
});
