// A set of small integers that hands out free ones at random: the heart of the IP and port allocators
// (k8s.io/kubernetes v1.36 pkg/registry/core/service/allocator/bitmap.go).
import { randomInt } from 'node:crypto';

export class Bitmap {
  readonly size: number;
  /** Offsets below this are the static band: handed out only when the dynamic band is full. */
  readonly #staticBand: number;
  readonly #bits: Uint8Array;
  #used = 0;

  constructor(size: number, staticBand = 0) {
    this.size = size;
    this.#staticBand = Math.min(staticBand, size);
    this.#bits = new Uint8Array((size + 7) >> 3);
  }

  get free(): number {
    return this.size - this.#used;
  }

  has(offset: number): boolean {
    return (this.#bits[offset >> 3] & (1 << (offset & 7))) !== 0;
  }

  /** False when the offset is taken already. */
  take(offset: number): boolean {
    if (this.has(offset)) return false;
    this.#bits[offset >> 3] |= 1 << (offset & 7);
    this.#used += 1;
    return true;
  }

  release(offset: number): void {
    if (!this.has(offset)) return;
    this.#bits[offset >> 3] &= ~(1 << (offset & 7));
    this.#used -= 1;
  }

  /** Takes a free offset, from the dynamic band while it has one; undefined when all are taken. */
  takeNext(): number | undefined {
    const offset = this.#freeIn(this.#staticBand, this.size) ?? this.#freeIn(0, this.#staticBand);
    if (offset !== undefined) this.take(offset);
    return offset;
  }

  /** The first free offset of [from, to), searched from a random place on and around. */
  #freeIn(from: number, to: number): number | undefined {
    const length = to - from;
    if (length <= 0) return undefined;
    const start = randomInt(length);
    for (let i = 0; i < length; i++) {
      const offset = from + ((start + i) % length);
      if (!this.has(offset)) return offset;
    }
    return undefined;
  }
}
