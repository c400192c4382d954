/** What `runtime/bad-input.test.ts` says of the embedded runtime, of a cluster. */
import './over-cluster.ts';
import '../runtime/bad-input.test.ts';
