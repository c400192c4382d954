/** Collections that most rows have empty, or with one item: a Set or a Map takes 140 to 200 bytes, and a while to make. */

/** What is in it must not be undefined. */
export class SparseSet<T> implements Iterable<T> {
  /** Of one item; undefined if it is empty, or has had more. */
  #only: T | undefined;
  #items: Set<T> | undefined;

  get size(): number {
    return this.#items?.size ?? (this.#only === undefined ? 0 : 1);
  }

  add(item: T): void {
    if (this.#items) this.#items.add(item);
    else if (this.#only === undefined) this.#only = item;
    else if (this.#only !== item) {
      this.#items = new Set([this.#only, item]);
      this.#only = undefined;
    }
  }

  has(item: T): boolean {
    return this.#items?.has(item) ?? this.#only === item;
  }

  delete(item: T): boolean {
    if (this.#items) return this.#items.delete(item);
    if (this.#only !== item) return false;
    this.#only = undefined;
    return true;
  }

  [Symbol.iterator](): Iterator<T> {
    return (this.#items ?? (this.#only === undefined ? [] : [this.#only])).values();
  }
}

export class SparseMap<K, V> {
  #items: Map<K, V> | null = null;

  get size(): number {
    return this.#items === null ? 0 : this.#items.size;
  }

  get(key: K): V | undefined {
    return this.#items?.get(key);
  }

  set(key: K, value: V): void {
    (this.#items ??= new Map()).set(key, value);
  }

  delete(key: K): boolean {
    if (!this.#items?.delete(key)) return false;
    if (this.#items.size === 0) this.#items = null;
    return true;
  }

  clear(): void {
    this.#items = null;
  }

  keys(): Iterable<K> {
    return this.#items?.keys() ?? [];
  }

  values(): Iterable<V> {
    return this.#items?.values() ?? [];
  }
}
