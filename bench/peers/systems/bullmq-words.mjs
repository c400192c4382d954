/** A sandboxed processor: BullMQ runs it in threads of its own. What jobs carry is JSON. */
const fromBase64 = (text) => Buffer.from(text, 'base64');

// #region word-count
export default async function process({ name, data }) {
  const { mapPart, reduceShare } = await import(data.functions);
  if (name === 'mapPart') return mapPart(fromBase64(data.text)).map((block) => Buffer.from(block).toString('base64'));
  const { words, distinct, fingerprint } = reduceShare(data.blocks.map(fromBase64));
  return { words, distinct, fingerprint };
}
// #endregion
