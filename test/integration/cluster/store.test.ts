/** What `runtime/store.test.ts` says of the embedded runtime, of a cluster. */
import './over-cluster.ts';
import '../runtime/store.test.ts';
