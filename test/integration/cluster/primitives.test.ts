/** What `runtime/primitives.test.ts` says of the embedded runtime, of a cluster. */
import './over-cluster.ts';
import '../runtime/primitives.test.ts';
