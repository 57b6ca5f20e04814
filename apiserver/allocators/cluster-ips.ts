// Cluster IPs: which are taken, and which one is next. Taken is what has an IPAddress object, whoever made it, or is about to get one
// (k8s.io/kubernetes v1.36 pkg/registry/core/service/ipallocator).
import { randomBytes } from 'node:crypto';
import { type Block, type Family, formatAddress, parseAddress } from '../../api/ip.ts';
import type { Store } from '../storage/store.ts';
import { addressKey } from './ip-addresses.ts';
import { endsOf, offers, type ServiceRange, staticBandOf } from './service-ranges.ts';

/** Why an address cannot be had; the text is part of the error clients see. */
export class AddressError extends Error {}

export class ClusterIPs {
  readonly #store: Pick<Store, 'get'>;
  /** Those of writes on their way: they have no object yet. */
  readonly #reserved = new Set<string>();

  constructor(store: Pick<Store, 'get'>) {
    this.#store = store;
  }

  /** Throws AddressError when the address is taken or in no range that is ready. */
  take(address: string, ranges: readonly ServiceRange[]): void {
    checkOffered(address, ranges);
    if (this.#isTaken(address)) throw new AddressError('provided IP is already allocated');
    this.#reserved.add(address);
  }

  /** Any free address of the family. Throws AddressError when there is none. */
  takeNext(family: Family, ranges: readonly ServiceRange[]): string {
    for (const { block, isReady } of ranges) {
      const address = isReady && block.family === family ? this.#freeIn(block) : undefined;
      if (!address) continue;
      this.#reserved.add(address);
      return address;
    }
    throw new AddressError('range is full');
  }

  /** The write is over: the address has its object, or is free. */
  settle(address: string): void {
    this.#reserved.delete(address);
  }

  #isTaken(address: string): boolean {
    return this.#reserved.has(address) || this.#store.get(addressKey(address)) !== undefined;
  }

  /** From the dynamic band while it has one. */
  #freeIn(block: Block): string | undefined {
    const { first, last } = endsOf(block);
    const dynamic = first + staticBandOf(block);
    return this.#freeBetween(block.family, dynamic, last) ?? this.#freeBetween(block.family, first, dynamic - 1n);
  }

  /** The first free address of both ends and those between, searched from a random place on and around. */
  #freeBetween(family: Family, first: bigint, last: bigint): string | undefined {
    const count = last - first + 1n;
    if (count <= 0n) return undefined;
    const start = randomBelow(count);
    for (let i = 0n; i < count; i++) {
      const address = formatAddress({ family, value: first + ((start + i) % count) });
      if (!this.#isTaken(address)) return address;
    }
    return undefined;
  }
}

/** Throws AddressError when no range that is ready offers the address. */
export function checkOffered(address: string, ranges: readonly ServiceRange[]): void {
  const wanted = parseAddress(address);
  if (wanted && ranges.some(({ block, isReady }) => isReady && offers(block, wanted))) return;
  throw new AddressError('the provided network does not match the current range');
}

/** `count` up to 2^64; the remainder of 128 bits is even enough. */
const randomBelow = (count: bigint): bigint => BigInt(`0x${randomBytes(16).toString('hex')}`) % count;
