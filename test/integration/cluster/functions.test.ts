/** What `runtime/functions.test.ts` says of the embedded runtime, of a cluster. */
import './over-cluster.ts';
import '../runtime/functions.test.ts';
