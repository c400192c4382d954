/**
 * `shell.mjs SCRIPT ARGUMENT…`: runs a script of the shell for each message, `msMax` at most, and answers with what it printed. In a process
 * of its own: one that starts others does so by a copy of its page tables, and is slower for some tenths of a second afterwards, if it has
 * much memory.
 */
import { execFile } from 'node:child_process';

const [, , script, ...args] = process.argv;

// It is there for nothing else.
process.channel.ref();
process.on('message', ({ msMax }) => {
  execFile('/bin/sh', ['-c', script, ...args], { env: { ...process.env, LC_ALL: 'C' }, timeout: msMax }, (error, stdout) => {
    process.send({ error: error === null ? null : error.message, stdout });
  });
});
process.stdout.write('ready\n');
