// The ranges that cluster IPs come from: the CIDRs of all ServiceCIDR objects, of which the flag --service-cluster-ip-range makes
// the first (k8s.io/kubernetes v1.36 pkg/registry/core/service/ipallocator/cidrallocator.go).
import { type Address, type Block, type Family, formatBlock, parseBlock, sizeOf } from '../../api/ip.ts';
import type { ServiceCIDR } from '../../api/types/networking.v1.ts';
import type { Store } from '../storage/store.ts';

/** One CIDR of a ServiceCIDR object. */
export interface ServiceRange {
  readonly block: Block;
  /** Whether new addresses may come from it. */
  readonly isReady: boolean;
}

/** Longest and shortest prefix a range of the flag may have. */
const PREFIXES: Readonly<Record<Family, readonly [number, number]>> = { IPv4: [8, 30], IPv6: [64, 126] };

/** `10.96.0.0/16`, or one of each family: `10.96.0.0/16,fd00:10:96::/112`. The first is the default. Throws Error. */
export function readServiceRanges(text: string): readonly Block[] {
  const blocks = text.split(',').map((cidr) => readRange(cidr.trim()));
  if (blocks.length > 2) throw new Error(`"${text}": at most two ranges, one of each IP family`);
  if (blocks[0].family === blocks[1]?.family) throw new Error(`"${text}": the ranges must be of different IP families`);
  return blocks;
}

function readRange(cidr: string): Block {
  const block = parseBlock(cidr);
  if (!block) throw new Error(`"${cidr}" is not a range such as 10.96.0.0/16`);
  if (formatBlock(block) !== cidr)
    throw new Error(`"${cidr}" has bits set beyond its prefix length, or is not canonical`);
  const [shortest, longest] = PREFIXES[block.family];
  if (block.prefix < shortest || block.prefix > longest) {
    throw new Error(`"${cidr}": the prefix length of an ${block.family} range is ${shortest} to ${longest}`);
  }
  return block;
}

/** Where ServiceCIDR objects are stored. */
export const SERVICE_CIDRS = 'networking.k8s.io/servicecidrs/';

/** The ranges there are, oldest first; read again only when a ServiceCIDR has changed. */
export class ServiceRanges {
  readonly #store: Store;
  #known: readonly ServiceRange[] = [];
  /** How many changes there have been, and how many of them `#known` has seen. */
  #changes = 0;
  #seen = -1;
  #watch: Promise<() => void> | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  async current(): Promise<readonly ServiceRange[]> {
    this.#watch ??= this.#store.watch(SERVICE_CIDRS, this.#store.revision, () => {
      this.#changes += 1;
    });
    await this.#watch;
    while (this.#seen !== this.#changes) {
      const seen = this.#changes;
      const { entries } = await this.#store.list(SERVICE_CIDRS);
      const oldestFirst = entries.toSorted((a, b) => a.createRevision - b.createRevision);
      this.#known = oldestFirst.flatMap(({ value }) => rangesOf(JSON.parse(value.toString()) as ServiceCIDR));
      this.#seen = seen;
    }
    return this.#known;
  }

  async close(): Promise<void> {
    (await this.#watch)?.();
  }
}

/** Without a condition it is ready: there may be no controller manager to tell. */
function rangesOf({ metadata, spec, status }: ServiceCIDR): ServiceRange[] {
  const condition = status?.conditions?.find(({ type }) => type === 'Ready');
  const isReady = !metadata.deletionTimestamp && (condition?.status ?? 'True') === 'True';
  const blocks = (spec?.cidrs ?? []).flatMap((cidr) => parseBlock(cidr) ?? []);
  return blocks.map((block) => ({ block, isReady }));
}

/** The first and last address a Service may have: never the network's own, nor IPv4's broadcast address. */
export function endsOf(block: Block): { first: bigint; last: bigint } {
  const last = block.base + sizeOf(block) - 1n;
  return { first: block.base + 1n, last: block.family === 'IPv4' ? last - 1n : last };
}

/** Whether a Service may have this address from this range. */
export function offers(block: Block, { family, value }: Address): boolean {
  const { first, last } = endsOf(block);
  return family === block.family && value >= first && value <= last;
}

/** How many addresses at the range's beginning are left for those who ask for one: min(max(16, size/16), 256). */
export function staticBandOf(block: Block): bigint {
  const size = sizeOf(block);
  if (size <= 16n) return 0n;
  const share = size / 16n;
  return share < 16n ? 16n : share > 256n ? 256n : share;
}
