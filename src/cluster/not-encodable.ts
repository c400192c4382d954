/** The storage layer's refusal of a value, as the error that users see. */
import { errorData } from '../actors/protocol/error.ts';
import { errors } from '../api/errors.ts';
import { NotEncodableError } from '../storage/value.ts';

export function notEncodable(error: unknown): unknown {
  if (!(error instanceof NotEncodableError)) return error;
  return new errors.NotEncodable(errorData('NotEncodable', error.message, { path: error.path }), error.cause);
}
