/** What `runtime/admission.test.ts` says of the embedded runtime, of a cluster. */
import './over-cluster.ts';
import '../runtime/admission.test.ts';
