// Which pod has which address of one of the node's pod CIDRs. Pure: what is held is told, what was last given is remembered.
import {
  type Block,
  type Family,
  formatAddress,
  indexIn,
  nthAddress,
  parseAddress,
  parseBlock,
  sizeOf,
} from '../../api/ip.ts';

export class PodAddresses {
  readonly #block: Block;
  readonly #prefixLength: string;
  /** Its place in the block, of the last address that is given. */
  readonly #last: bigint;
  readonly #held = new Map<string, string>();
  #newest: bigint;

  /**
   * `cidr` has four addresses or more; the second belongs to `cni0`, the first and the last to nobody (in IPv4 the network and
   * broadcast address). Addresses are given in turn after `newest`, so that one just freed comes back as late as possible.
   */
  constructor(cidr: string, newest?: string) {
    const block = parseBlock(cidr);
    if (!block || sizeOf(block) < 4n) throw new Error(`not a pod CIDR: ${cidr}`);
    this.#block = block;
    this.#prefixLength = cidr.split('/')[1];
    this.#last = sizeOf(block) - 2n;
    const after = newest === undefined ? undefined : this.#placeOf(newest);
    this.#newest = after ?? FIRST - 1n;
  }

  get family(): Family {
    return this.#block.family;
  }

  /** The address of `cni0`. */
  get gateway(): string {
    return this.#at(FIRST - 1n);
  }

  /** The gateway with the prefix length that all pods of the node share. */
  get gatewayCIDR(): string {
    return `${this.gateway}/${this.#prefixLength}`;
  }

  get newest(): string {
    return this.#at(this.#newest);
  }

  /** The address `podUID` holds, or the next free one. Throws when there is none. */
  take(podUID: string): string {
    const held = this.#held.get(podUID);
    if (held) return held;
    const taken = new Set(this.#held.values());
    // One more than are taken is enough to find one that is not.
    for (let tries = 0; tries <= taken.size && BigInt(tries) <= this.#last - FIRST; tries += 1) {
      this.#newest = this.#newest >= this.#last ? FIRST : this.#newest + 1n;
      const address = this.#at(this.#newest);
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

  #at(place: bigint): string {
    return formatAddress(nthAddress(this.#block, place));
  }

  /** Undefined when it is none that is given. */
  #placeOf(text: string): bigint | undefined {
    const address = parseAddress(text);
    const place = address && indexIn(this.#block, address);
    return place !== undefined && place >= FIRST && place <= this.#last ? place : undefined;
  }
}

const FIRST = 2n;
