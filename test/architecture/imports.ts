/**
 * Who imports what, read from the text of the sources: types too, as a layer that knows another's types knows the layer.
 *
 * TypeScript 7 has no programming interface yet, so import forms are found by pattern; `layers.test.ts` shows that each is.
 */
import { readFileSync } from 'node:fs';
import { dirname, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { globSync } from 'tinyglobby';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Import {
  /** The importing file, from the root of the repository. */
  readonly from: string;
  /** A file from the root of the repository, or the name of a package or of a module of Node. */
  readonly to: string;
  /** Whether `to` is a file. */
  readonly isFile: boolean;
  /** By `import()`, at run time. */
  readonly isDynamic: boolean;
}

/** The TypeScript files of some folders, from the root of the repository. */
export function sourcesOf(folders: readonly string[]): readonly string[] {
  return globSync(
    folders.map((folder) => `${folder}/**/*.ts`),
    { cwd: root, ignore: ['**/node_modules/**'] },
  ).sort();
}

export function readImports(file: string): readonly Import[] {
  return importsOf(file, readFileSync(posix.join(root, file), 'utf8'));
}

/** `import … from`, `export … from`, `import 'x'`. */
const staticImport = /^\s*(?:import|export)\b(?:[^'"`;=]*\bfrom)?\s*'([^']+)'/gm;
/** `import('x')`: a value at run time, a type after `typeof` or where a member follows at once. */
const dynamicImport = /(\btypeof\s+)?\bimport\(\s*'([^']+)'\s*\)(\.[A-Z])?/g;
/** Of the house: each line of a comment starts with its mark. */
const commentLine = /^\s*(?:\/\*|\*|\/\/).*$/gm;

export function importsOf(from: string, text: string): readonly Import[] {
  const code = text.replaceAll(commentLine, '');
  const found = (name: string, isDynamic: boolean): Import => ({
    from,
    to: name.startsWith('.') ? posix.join(dirname(from), name) : name,
    isFile: name.startsWith('.'),
    isDynamic,
  });
  return [
    ...[...code.matchAll(staticImport)].map(([, name = '']) => found(name, false)),
    ...[...code.matchAll(dynamicImport)].map(([, isTypeof, name = '', member]) => found(name, !isTypeof && !member)),
  ];
}
