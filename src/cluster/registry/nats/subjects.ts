/**
 * Keys of a registry as subjects of NATS, and back.
 *
 *     members/n-1.example     $KV.BUCKET.members.n-1=example      `/` is `.`, `.` is `=`
 *     a//b                    $KV.BUCKET.a./.b                    nothing between slashes is `/`
 *
 * What it makes of a key is no longer than the key, but for each such nothing, and is a key of NATS KV, too.
 */
export function subjectOf(bucket: string, key: string): string {
  const tokens = key.split('/').map((part) => part.replaceAll('.', '=') || '/');
  return `$KV.${bucket}.${tokens.join('.')}`;
}

export function keyOf(bucket: string, subject: string): string {
  const tokens = subject.slice(`$KV.${bucket}.`.length).split('.');
  return tokens.map((token) => (token === '/' ? '' : token.replaceAll('=', '.'))).join('/');
}

/** The subjects of all keys that start with `prefix`, and of few others: NATS selects whole parts. */
export function filterOf(bucket: string, prefix: string): string {
  const folder = prefix.slice(0, Math.max(0, prefix.lastIndexOf('/')));
  return folder === '' && !prefix.startsWith('/') ? `$KV.${bucket}.>` : `${subjectOf(bucket, folder)}.>`;
}
