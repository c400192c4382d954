/**
 * Memory of others that ZeroMQ was given, and when it has let go of it: also of what nobody acknowledges any more.
 *
 * zeromq.js refers to the very object that it is given to send, from `send` until ZeroMQ has freed the message: when it was written to a
 * connection, or dropped with the connection or the socket. Nothing tells of it but that V8 can then collect the object. So whoever asks has
 * objects of his own (a view each) that nobody else refers to.
 *
 * It takes a full collection to be noticed. Nothing here waits for one, and nothing here keeps the process alive.
 */
class Loan {
  #left: number;
  #end: () => void = () => undefined;
  readonly returned: Promise<void>;

  constructor(count: number) {
    this.#left = count;
    this.returned = new Promise((resolve) => (this.#end = resolve));
  }

  readonly one = (): void => {
    if (--this.#left === 0) this.#end();
  };
}

const loans = new FinalizationRegistry<() => void>((oneReturned) => oneReturned());

/**
 * Resolves when nobody refers to any of them any more. The callback is a method of the loan, and not a function made in here, which could keep
 * the views alive by itself.
 */
export function whenReturned(views: readonly Uint8Array[]): Promise<void> {
  if (views.length === 0) return Promise.resolve();
  const loan = new Loan(views.length);
  for (const view of views) loans.register(view, loan.one);
  return loan.returned;
}
