/**
 * Simulated functions: programs as data. An app's programs are its module: they travel as its bundle's code, and the simulated
 * threads run them as real ones run functions. A program does the same in each attempt, but for `throw`, `crash`, `hang`.
 */
import type { CodeBundle } from '../../src/actors/protocol/coordinator.ts';

export type Op =
  | { readonly do: 'wait'; readonly ms: number }
  | {
      readonly do: 'send';
      readonly bucket: string;
      readonly key: Name;
      readonly group: Name | null;
      readonly sizeBytes: number;
      readonly delayMs: number;
    }
  /** A loop that ends: an input `h3` is sent on as `h2`, an input `h0` is not. */
  | { readonly do: 'hop'; readonly bucket: string; readonly sizeBytes: number }
  | {
      readonly do: 'expect';
      readonly bucket: string;
      readonly group: Name | null;
      readonly keys: readonly string[] | null;
      readonly count: number | null;
    }
  | { readonly do: 'output'; readonly sizeBytes: number }
  | { readonly do: 'get'; readonly bucket: string; readonly key: string | null }
  /** Throws in the attempts before this one. */
  | { readonly do: 'throw'; readonly untilAttempt: number }
  /** Ends its thread in the attempts before this one. */
  | { readonly do: 'crash'; readonly untilAttempt: number }
  /** In the attempts before this one it never returns by itself. One that ignores its abort does not return at all. */
  | { readonly do: 'hang'; readonly untilAttempt: number; readonly ignoresAbort: boolean };

/** A name as such, or the key or group of the first input. */
export type Name = string | { readonly of: 'key' | 'group' };

export type Program = readonly Op[];
export type Programs = Readonly<Record<string, Program>>;

export interface FirstInput {
  readonly key: string;
  readonly group: string | null;
}

export function nameOf(name: Name, first: FirstInput | undefined): string {
  if (typeof name === 'string') return name;
  return (name.of === 'key' ? first?.key : first?.group) ?? 'none';
}

/** The hops that an input still has: `h3` has three. */
export function hopsOf(first: FirstInput | undefined): number {
  return Number(/^h(\d+)$/.exec(first?.key ?? '')?.[1] ?? 0);
}

/** The buckets that a program sends to. */
export function sendsOf(program: Program): readonly string[] {
  return [...new Set(program.flatMap((op) => (op.do === 'send' || op.do === 'hop' ? [op.bucket] : [])))];
}

export function bundleOf(programs: Programs, module: string): CodeBundle {
  const code = JSON.stringify(programs);
  return { hash: `${module}/${code.length}`, code, content: code, module };
}

export function programsOf(bundle: CodeBundle): Programs {
  return JSON.parse(bundle.code) as Programs;
}
