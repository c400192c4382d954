/** The refs that a message makes readable for whom it is sent to. */
import type { Message } from '../../../src/actors/protocol/message.ts';
import type { Ref } from '../../../src/storage/object.ts';

export function readableRefs(message: Message): readonly Ref[] {
  switch (message.kind) {
    case 'run':
      return message.inputs.map(({ ref }) => ref);
    case 'invoke':
      return message.run.inputs.map(({ ref }) => ref);
    case 'answer':
    case 'objectsFound':
      return message.objects.map(({ ref }) => ref);
    case 'lodge':
      return message.inputs.map(({ ref }) => ref);
    case 'lodgerAnswer':
      return message.objects.map(({ ref }) => ref);
    case 'sessionOutput':
    case 'lodgerOutput':
      return [message.ref];
    default:
      return [];
  }
}
