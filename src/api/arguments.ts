/** What users name things by in the calls of a runtime. */
import type { Expectation as ExpectationMessage } from '../actors/protocol/object.ts';
import { type AnyBucket, bucketName } from './bucket.ts';
import { type App, isApp } from './define-app.ts';
import { invalidOption } from './errors.ts';

export function appName(at: string, app: unknown): string {
  if (typeof app === 'string') return app;
  if (isApp(app)) return app.name;
  throw invalidOption(at, 'app', app, 'must be an app, made by defineApp, or its name');
}

export function sessionId(at: string, session: unknown): string {
  if (typeof session === 'string' && session.length > 0) return session;
  throw invalidOption(at, 'session', session, 'must be the id of a session');
}

export function readExpectation({
  bucket,
  group = null,
  keys = null,
  count = null,
}: {
  readonly bucket: AnyBucket | string;
  readonly group?: string | null | undefined;
  readonly keys?: readonly string[] | null | undefined;
  readonly count?: number | null | undefined;
}): ExpectationMessage {
  return { bucket: bucketName(bucket), group, keys, count };
}

/** What is bundled for an app. */
export function sourceOf({ definition, external }: App) {
  return { module: definition.module, external };
}
