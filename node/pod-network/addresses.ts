// Which pod has which address of the node's pod CIDR. Pure: what is held is told, what was last given is remembered.
import { isIPv4 } from 'node:net';

export class PodAddresses {
  readonly #first: number;
  readonly #last: number;
  readonly #held = new Map<string, string>();
  #newest: number;

  /**
   * `cidr` is IPv4, /30 or wider; its first address belongs to `cni0`, the last is the broadcast address. Addresses are
   * given in turn after `newest`, so that one just freed comes back as late as possible.
   */
  constructor(cidr: string, newest?: string) {
    const [network, length] = cidr.split('/');
    if (!isIPv4(network) || !(Number(length) <= 30)) throw new Error(`not an IPv4 pod CIDR: ${cidr}`);
    const size = 2 ** (32 - Number(length));
    const base = Math.floor(toNumber(network) / size) * size;
    this.#first = base + 2;
    this.#last = base + size - 2;
    const after = newest && isIPv4(newest) ? toNumber(newest) : 0;
    this.#newest = after >= this.#first && after <= this.#last ? after : this.#first - 1;
  }

  /** The address of `cni0`. */
  get gateway(): string {
    return toIP(this.#first - 1);
  }

  get newest(): string {
    return toIP(this.#newest);
  }

  /** The address `podUID` holds, or the next free one. Throws when there is none. */
  take(podUID: string): string {
    const held = this.#held.get(podUID);
    if (held) return held;
    const taken = new Set(this.#held.values());
    for (let tries = this.#last - this.#first; tries >= 0; tries -= 1) {
      this.#newest = this.#newest >= this.#last ? this.#first : this.#newest + 1;
      const address = toIP(this.#newest);
      if (taken.has(address)) continue;
      this.#held.set(podUID, address);
      return address;
    }
    throw new Error('no IP addresses available in the pod CIDR');
  }

  holds(podUID: string): boolean {
    return this.#held.has(podUID);
  }

  /** What an earlier agent gave. */
  hold(podUID: string, address: string): void {
    this.#held.set(podUID, address);
  }

  free(podUID: string): void {
    this.#held.delete(podUID);
  }
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toIP(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
