/**
 * A way between two network interfaces that delays and loses packets, for kernels without `netem`:
 * `slow-way.mjs FROM TO DELAY_MS LOSS` makes the interfaces FROM and TO (TUN devices), and passes on what is sent into the one by the other:
 * late and not always from FROM to TO, at once the other way. It says `ready`, and runs until it is killed; the interfaces go with it.
 */
import { openSync, read, write } from 'node:fs';
import koffi from 'koffi';

const setInterface = 0x40_04_54_ca;
const isTun = 0x0001;
const withoutHeader = 0x1000;
const nameBytes = 16;
const requestBytes = 40;
const packetBytesMax = 65_536;
/** More are dropped, as a router does. */
const packetsWaitingMax = 20_000;

const ioctl = koffi.load(null).func('int ioctl(int fd, unsigned long request, void *argument)');

/** @param {string} name */
function openTun(name) {
  const fd = openSync('/dev/net/tun', 'r+');
  const request = Buffer.alloc(requestBytes);
  request.write(name, 0, nameBytes - 1, 'ascii');
  request.writeUInt16LE(isTun | withoutHeader, nameBytes);
  if (ioctl(fd, setInterface, request) !== 0) throw new Error(`the interface ${name} cannot be made`);
  return fd;
}

/**
 * @param {number} from
 * @param {(packet: Buffer) => void} pass
 */
function pump(from, pass) {
  const buffer = Buffer.alloc(packetBytesMax);
  const next = () =>
    read(from, buffer, 0, buffer.length, null, (error, length) => {
      // Nothing can be read before both ends are up.
      if (error) return void setTimeout(next, 10);
      pass(Buffer.from(buffer.subarray(0, length)));
      next();
    });
  next();
}

const [from = '', to = '', delayMs, loss] = process.argv.slice(2);
const near = openTun(from);
const far = openTun(to);
let waiting = 0;
pump(near, (packet) => {
  if (waiting >= packetsWaitingMax || Math.random() < Number(loss)) return;
  waiting++;
  setTimeout(() => {
    waiting--;
    write(far, packet, () => undefined);
  }, Number(delayMs));
});
pump(far, (packet) => write(near, packet, () => undefined));
console.log('ready');
