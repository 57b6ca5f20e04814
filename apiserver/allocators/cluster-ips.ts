// Cluster IPs of one IPv4 range: which are taken (k8s.io/kubernetes v1.36 pkg/registry/core/service/ipallocator).
import { Bitmap } from './bitmap.ts';

/** Why an address cannot be had; the text is part of the field error clients see. */
export class AddressError extends Error {}

export class ClusterIPs {
  readonly #base: number;
  readonly #bitmap: Bitmap;

  /** `cidr` such as `10.96.0.0/16`, prefix lengths 12 to 30. Throws Error for anything else. */
  constructor(cidr: string) {
    const [address, length] = cidr.split('/');
    const base = toNumber(address);
    const prefix = Number(length);
    if (base === undefined || !Number.isInteger(prefix) || prefix < 12 || prefix > 30) {
      throw new Error(`"${cidr}" is not an IPv4 range such as 10.96.0.0/16 (prefix length 12 to 30)`);
    }
    const total = 2 ** (32 - prefix);
    if (base % total !== 0) throw new Error(`"${cidr}" has bits set beyond its prefix length`);
    // The network's own address and the broadcast address are never handed out.
    this.#base = base + 1;
    this.#bitmap = new Bitmap(total - 2, staticBandOf(total));
  }

  /** The range's own address, which is never handed out. */
  get network(): string {
    return toText(this.#base - 1);
  }

  /** The first address of the range: the `kubernetes` Service's. */
  get first(): string {
    return toText(this.#base);
  }

  /** Throws AddressError when the address is taken or outside the range. */
  take(address: string): void {
    const offset = this.#offsetOf(address);
    if (offset === undefined) throw new AddressError('the provided network does not match the current range');
    if (!this.#bitmap.take(offset)) throw new AddressError('provided IP is already allocated');
  }

  /** Throws AddressError when all are taken. */
  takeNext(): string {
    const offset = this.#bitmap.takeNext();
    if (offset === undefined) throw new AddressError('range is full');
    return toText(this.#base + offset);
  }

  has(address: string): boolean {
    const offset = this.#offsetOf(address);
    return offset !== undefined && this.#bitmap.has(offset);
  }

  release(address: string): void {
    const offset = this.#offsetOf(address);
    if (offset !== undefined) this.#bitmap.release(offset);
  }

  #offsetOf(address: string): number | undefined {
    const value = toNumber(address);
    if (value === undefined) return undefined;
    const offset = value - this.#base;
    return offset >= 0 && offset < this.#bitmap.size ? offset : undefined;
  }
}

/** Addresses at the range's beginning that are left for those who ask for one: min(max(16, size/16), 256). */
function staticBandOf(total: number): number {
  return total < 16 ? 0 : Math.min(Math.max(16, Math.floor(total / 16)), 256);
}

function toNumber(address: string): number | undefined {
  const parts = address.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

const toText = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
