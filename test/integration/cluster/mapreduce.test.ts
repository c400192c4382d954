/** What `mapreduce/mapreduce.test.ts` says of the embedded runtime, of a cluster. */
import './over-cluster.ts';
import '../mapreduce/mapreduce.test.ts';
