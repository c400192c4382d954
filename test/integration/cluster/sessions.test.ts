/** What `runtime/sessions.test.ts` says of the embedded runtime, of a cluster. */
import './over-cluster.ts';
import '../runtime/sessions.test.ts';
