/** esbuild, whose service process does not stay around: it is stopped when nothing is being built. */
import type { BuildOptions, OutputFile } from 'esbuild';

let underWay = 0;

/** The one file that a build makes. Rejects as esbuild does. */
export async function buildOne(options: BuildOptions): Promise<OutputFile> {
  underWay += 1;
  const { build, stop } = await import('esbuild');
  try {
    const { outputFiles } = await build({
      ...options,
      bundle: true,
      write: false,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      logLevel: 'silent',
    });
    const [file] = outputFiles;
    if (!file) throw new Error('bug: the bundler made no file');
    return file;
  } finally {
    underWay -= 1;
    if (underWay === 0) await stop();
  }
}
