// The addresses a load balancer may have, and who holds which. The provider keeps the block's first three (network, gateway,
// DNS) and its last (broadcast) for itself, as clouds do.
import { type Block, formatAddress, indexIn, nthAddress, parseAddress, parseBlock, sizeOf } from '../api/ip.ts';
import { UsageError } from '../host/lifecycle.ts';

const FIRST = 3n;

export class AddressPool {
  readonly #block: Block;
  readonly #holders = new Map<string, string>();
  readonly #held = new Map<string, string>();

  /** Throws UsageError when `cidr` is no block, or one without an address to give. */
  constructor(cidr: string) {
    const block = parseBlock(cidr);
    if (!block) throw new UsageError(`--load-balancer-cidr: ${cidr} is no CIDR`);
    if (sizeOf(block) <= FIRST + 1n) throw new UsageError(`--load-balancer-cidr: ${cidr} is too small`);
    this.#block = block;
  }

  /**
   * The address of `key`: the one it holds, else `wanted`, else the first free one. Undefined when `wanted` is not in the
   * block or somebody else's, or when none is free.
   */
  take(key: string, wanted?: string): string | undefined {
    const holds = this.#held.get(key);
    if (holds !== undefined) return holds;
    const address = wanted ? this.#canHave(wanted) : this.#firstFree();
    if (address === undefined) return undefined;
    this.#holders.set(address, key);
    this.#held.set(key, address);
    return address;
  }

  /** Returns whether `key` held an address. */
  release(key: string): boolean {
    const address = this.#held.get(key);
    if (address === undefined) return false;
    this.#held.delete(key);
    return this.#holders.delete(address);
  }

  #canHave(wanted: string): string | undefined {
    const address = parseAddress(wanted);
    const index = address && indexIn(this.#block, address);
    if (index === undefined || index < FIRST || index >= sizeOf(this.#block) - 1n) return undefined;
    const text = formatAddress(address!);
    return this.#holders.has(text) ? undefined : text;
  }

  #firstFree(): string | undefined {
    for (let index = FIRST; index < sizeOf(this.#block) - 1n; index++) {
      const address = formatAddress(nthAddress(this.#block, index));
      if (!this.#holders.has(address)) return address;
    }
    return undefined;
  }
}
