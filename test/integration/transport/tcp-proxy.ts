/** A way between two meshes that can be cut, held up, and closed. */
import net from 'node:net';
import type { ExecutionContext } from 'ava';

export class TcpProxy {
  readonly #server = net.createServer((client) => this.#pair(client));
  readonly #pairs = new Set<readonly [net.Socket, net.Socket]>();
  readonly #port: number;
  #isOpen = true;
  delayMs = 0;
  /** Is told all that passes, in either direction. */
  tap: (bytes: Buffer) => void = () => undefined;

  static async open(t: ExecutionContext, target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(Number(new URL(target).port));
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => proxy.close());
    return proxy;
  }

  private constructor(port: number) {
    this.#port = port;
  }

  get endpoint(): string {
    return `tcp://127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** What is on its way is lost. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#pairs.clear();
  }

  /** New connections are closed at once. */
  shut(): void {
    this.#isOpen = false;
    this.cut();
  }

  open(): void {
    this.#isOpen = true;
  }

  /** Nothing is read any more, in either direction, and nobody is told. */
  hold(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  release(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  close(): void {
    this.shut();
    this.#server.close();
  }

  #pair(client: net.Socket): void {
    if (!this.#isOpen) return void client.destroy();
    const server = net.connect(this.#port, '127.0.0.1');
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    this.#pass(client, server);
    this.#pass(server, client);
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#pairs.delete(pair);
        for (const one of pair) one.destroy();
      });
    }
  }

  #pass(from: net.Socket, to: net.Socket): void {
    from.on('data', (bytes) => {
      this.tap(bytes);
      const write = () => {
        if (!to.destroyed && !to.write(bytes)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
      };
      if (this.delayMs > 0) setTimeout(write, this.delayMs);
      else write();
    });
  }
}
