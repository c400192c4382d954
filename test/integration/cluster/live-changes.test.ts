/** What `runtime/live-changes.test.ts` says of the embedded runtime, of a cluster. */
import './over-cluster.ts';
import '../runtime/live-changes.test.ts';
