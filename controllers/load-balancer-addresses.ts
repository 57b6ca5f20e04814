// The addresses a load balancer may have, and who holds which. The provider keeps the block's first three (network, gateway,
// DNS) and its last (broadcast) for itself, as clouds do.
import {
  type Block,
  type Family,
  familyOf,
  formatAddress,
  indexIn,
  nthAddress,
  parseAddress,
  parseBlock,
  sizeOf,
} from '../api/ip.ts';
import { UsageError } from '../host/lifecycle.ts';

const FIRST = 3n;

/** At most one block of each address family. A Service holds an address of each family it has, or none at all. */
export class AddressPools {
  readonly #pools: readonly AddressPool[];

  /** Throws UsageError when one of `cidrs` is no block, has no address to give, or is of another's family. */
  constructor(cidrs: readonly string[]) {
    this.#pools = cidrs.map((cidr) => new AddressPool(cidr));
    if (new Set(this.#pools.map(({ family }) => family)).size < cidrs.length)
      throw new UsageError(`--load-balancer-cidr: ${cidrs.join()} are of one address family`);
  }

  serves(family: Family): boolean {
    return this.#pools.some((pool) => pool.family === family);
  }

  /**
   * The addresses of `key`, in the order of `families`: those it holds, else those of `wanted`, else the first free ones. Undefined
   * when one of them cannot be had, or there is no block of such families: then it holds what it held.
   */
  take(key: string, families: readonly Family[], wanted: readonly string[]): string[] | undefined {
    const pools = families.flatMap((family) => this.#pools.find((pool) => pool.family === family) ?? []);
    const isOurs = (ip: string): boolean => pools.some(({ family }) => family === familyOf(ip));
    if (pools.length === 0 || !wanted.every(isOurs)) return undefined;
    const held = pools.filter((pool) => pool.holds(key));
    const wantedOf = (family: Family): string | undefined => wanted.find((ip) => familyOf(ip) === family);
    const taken = pools.map((pool) => pool.take(key, wantedOf(pool.family)));
    if (taken.every((address) => address !== undefined)) return taken;
    for (const pool of pools) if (!held.includes(pool)) pool.release(key);
    return undefined;
  }

  /** `key` keeps its addresses of the families in `but` only. Returns whether it held one that it has no longer. */
  release(key: string, but: readonly Family[] = []): boolean {
    const others = this.#pools.filter(({ family }) => !but.includes(family));
    return others.map((pool) => pool.release(key)).includes(true);
  }
}

class AddressPool {
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

  get family(): Family {
    return this.#block.family;
  }

  holds(key: string): boolean {
    return this.#held.has(key);
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
