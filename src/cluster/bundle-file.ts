/** Where a bundle pretends to lie. Apart from the bundler, which executor threads need not load. */
import { fileURLToPath } from 'node:url';

/** Beside its module, so that source maps, and the imports that are left in it, resolve from there. Nothing is written there. */
export function bundleFile(module: string): string {
  return `${fileURLToPath(module)}.bundle.cjs`;
}
