/** What `runtime/closing.test.ts` says of the embedded runtime, of a cluster. */
import './over-cluster.ts';
import '../runtime/closing.test.ts';
