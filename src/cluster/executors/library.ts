/**
 * What `import … from 'pheromone'` gives inside an executor: everything that defines apps. A runtime cannot be started in there.
 */
import * as definitions from '../../api/definitions.ts';
import { errorData } from '../../actors/protocol/error.ts';
import { errors } from '../../api/errors.ts';

export const library = {
  ...definitions,
  startLocal(): never {
    const text =
      'startLocal was called while an executor imported the module: keep apps and the program that starts a runtime in modules of their own';
    throw new errors.ModuleFailed(errorData('ModuleFailed', text));
  },
};
