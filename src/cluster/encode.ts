/** Encoding on behalf of a user: the storage layer's refusal of a value becomes the error that users see. */
import { errorData } from '../actors/protocol/error.ts';
import { errors } from '../api/errors.ts';
import { type Encoded, encodeValue, NotEncodableError } from '../storage/value.ts';

/** As `encodeValue`; throws `NotEncodable`, whose `path` says where in the value (which is called `path`) the trouble is. */
export function encode(value: unknown, path = 'value'): Encoded {
  try {
    return encodeValue(value, path);
  } catch (error) {
    if (!(error instanceof NotEncodableError)) throw error;
    throw new errors.NotEncodable(errorData('NotEncodable', error.message, { path: error.path }), error.cause);
  }
}
