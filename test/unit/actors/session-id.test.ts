import test from 'ava';
import fc from 'fast-check';
import { createSessionIdMaker, makeSessionId, shardOf, shardOfSession, shardsCount } from '../../../src/actors/protocol/session-id.ts';

const digits = /^[0-9A-HJKMNP-TV-Z]{26}$/;

test('session id: 26 characters of base32, whatever the time and the maker', (t) => {
  fc.assert(
    fc.property(fc.nat(2 ** 48 - 1), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (nowMs, random) => {
      return digits.test(
        makeSessionId(
          createSessionIdMaker(() => random),
          nowMs,
          'app',
        ),
      );
    }),
  );
  t.pass();
});

test('session id: a later one of the same maker sorts after an earlier one', (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000), { minLength: 2, maxLength: 50 }), (pausesMs) => {
      const maker = createSessionIdMaker(() => 0.5);
      let nowMs = 1_700_000_000_000;
      const ids = pausesMs.map((pauseMs) => makeSessionId(maker, (nowMs += pauseMs), 'app'));
      return ids.every((id, i) => i === 0 || id > (ids[i - 1] as string));
    }),
  );
  t.pass();
});

test('session id: tells the shard of its app; what is no id has none', (t) => {
  const maker = createSessionIdMaker(() => 0.9);
  const names = Array.from({ length: 300 }, (_, i) => `app-${i}`);
  for (const name of names) t.is(shardOfSession(makeSessionId(maker, 1_700_000_000_000, name)), shardOf(name));
  t.is(new Set(names.map(shardOf)).size, shardsCount, 'all shards are used');
  for (const other of ['', 'order-7', 'U'.repeat(26), 'Z'.repeat(26)]) t.is(shardOfSession(other), -1);
});

test('session id: two makers in the same millisecond make different ids', (t) => {
  const [a, b] = [createSessionIdMaker(() => 0.25), createSessionIdMaker(() => 0.75)];
  const ids = new Set(Array.from({ length: 1_000 }, () => [makeSessionId(a, 7, 'app'), makeSessionId(b, 7, 'app')]).flat());
  t.is(ids.size, 2_000);
});

test('session id: the time, the maker and the counter can be read back', (t) => {
  const maker = createSessionIdMaker(() => (2 ** 32 - 2) / 2 ** 32);
  makeSessionId(maker, 0, 'app');
  const id = makeSessionId(maker, 2 ** 48 - 1, 'app');
  let value = 0n;
  for (const digit of id) value = value * 32n + BigInt('0123456789ABCDEFGHJKMNPQRSTVWXYZ'.indexOf(digit));
  t.is(value >> 80n, 2n ** 48n - 1n);
  t.is((value >> 48n) & 0xffffffffn, 2n ** 32n - 2n);
  t.is(value & (2n ** 40n - 1n), 1n);
});
