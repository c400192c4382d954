/** What a process says to another, or to somebody behind it, comes there in that order, also while they have just met. */
import type { Message } from '../../../src/actors/protocol/message.ts';
import { insist } from '../checkers/checker.ts';

/** Of transfers and the registry, which have orders of their own. */
const others = new Set<Message['kind']>([
  'objectPiece',
  'fetchRefused',
  'registryGet',
  'registryList',
  'registryPiece',
  'registryPut',
  'registryDelete',
  'registryWatch',
  'registryUnwatch',
]);

export class InOrder {
  readonly name = 'in order';
  /** By sender and receiver: the kinds of what is under way. */
  readonly #underWay = new Map<string, Message['kind'][]>();

  said(from: string, to: string, { kind }: Message): void {
    if (others.has(kind)) return;
    const way = `${from} to ${to}`;
    const kinds = this.#underWay.get(way) ?? [];
    this.#underWay.set(way, kinds);
    kinds.push(kind);
  }

  heard(from: string, to: string, { kind }: Message): void {
    if (others.has(kind)) return;
    const next = this.#underWay.get(`${from} to ${to}`)?.shift();
    insist(next === kind, this, () => `from ${from} to ${to}: ${kind} comes before ${next ?? 'it was sent'}`);
  }
}
