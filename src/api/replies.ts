/** What the client actor settles a question with, as its user gets it: a value, or an error thrown. */
import type { Reply } from '../actors/protocol/client.ts';
import { errorData, type ErrorData } from '../actors/protocol/error.ts';
import type { SessionSummary } from '../actors/protocol/session.ts';
import type { Ref } from '../storage/object.ts';
import { copyValue, decodeValue } from '../storage/value.ts';
import { errorFromData, errors } from './errors.ts';
import { printed } from './thrown.ts';
import type { SessionStatus } from './session.ts';

export function aborted(signal: AbortSignal): Error {
  const data = errorData('CallAborted', `the call's signal was aborted: ${printed(signal.reason)}`);
  return new errors.CallAborted(data, signal.reason);
}

/** The reply, unless it is a refusal. */
export function orThrow(reply: Reply): Reply {
  if (reply.kind === 'requestRefused') throw errorFromData(withOutputs(reply));
  if (reply.kind === 'answer' && reply.error) throw errorFromData(reply.error);
  return reply;
}

/** What a failed session had given before carries over to the error. */
function withOutputs({ error, outputs }: Extract<Reply, { kind: 'requestRefused' }>): ErrorData {
  return outputs ? { ...error, detail: { ...error.detail, outputs: outputs.map(valueOf) } } : error;
}

/** What `call` and `result` resolve with. `isOnly`: nobody else is given these outputs, which have been copied out of the store for him. */
export function outcomeOf(reply: Reply, until: 'output' | 'end', isOnly = false): unknown {
  if (reply.kind !== 'outputsReady') throw new Error(`bug: a call was settled with ${reply.kind}`);
  const values = reply.outputs.map(isOnly ? ownValueOf : valueOf);
  return until === 'end' ? values : values[0];
}

function valueOf({ encoding, inline }: Ref): unknown {
  return copyValue(encoding, inline ?? new Uint8Array());
}

/** Small ones may lie in a frame, beside others'. */
function ownValueOf(ref: Ref): unknown {
  const { encoding, inline } = ref;
  return inline && inline.byteLength === inline.buffer.byteLength ? decodeValue(encoding, inline) : valueOf(ref);
}

export function statusOf({ history: _, error, ...summary }: SessionSummary): SessionStatus {
  return { ...summary, error: error && errorFromData(error) };
}
