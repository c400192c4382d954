/** A process of a cluster as `pheromone up` sees it: each argument is one thing that it does. */
import { appendFileSync } from 'node:fs';

const [name, ...does] = process.argv.slice(2);
const journal = does.find((what) => what.startsWith('/'));
const is = (what) => does.includes(what);

process.on('SIGTERM', () => {
  if (journal) appendFileSync(journal, `${name} told\n`);
  if (is('deaf')) return;
  setTimeout(() => {
    if (journal) appendFileSync(journal, `${name} ended\n`);
    process.exit(is('fails at the end') ? 3 : 0);
  }, 100);
});
process.on('disconnect', () => process.exit(1));
setInterval(() => {}, 1_000);

if (is('fails')) process.send({ kind: 'failed', reason: 'the port is taken' }, () => process.exit(1));
else if (is('dies')) process.exit(7);
else if (!is('never ready')) process.send({ kind: 'ready', name, address: `tcp://127.0.0.1:1${name.slice(1)}` });
if (is('dies later')) setTimeout(() => process.exit(8), 100);
