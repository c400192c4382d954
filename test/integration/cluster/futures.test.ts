/** What `mapreduce/futures.test.ts` says of the embedded runtime, of a cluster. */
import './over-cluster.ts';
import '../mapreduce/futures.test.ts';
