// Addresses of pods by namespace: what `--pods=verified` looks an address up in. Pods that ended or are ending have no name.
import type { Pod } from '../../api/types/core.v1.ts';
import { Table } from './table.ts';

export interface PodRow {
  readonly namespace: string;
  readonly addresses: readonly string[];
}

const OVER = ['Succeeded', 'Failed', 'Unknown'];
/** Pods that are over are not even asked for; upstream's selector. */
export const POD_SELECTOR = OVER.map((phase) => `status.phase!=${phase}`).join(',');

export class Pods extends Table<Pod, PodRow> {
  /** `namespace/address` → how many pods have it; those of one node's network share it. */
  readonly #counts = new Map<string, number>();

  has(namespace: string, address: string): boolean {
    return this.#counts.has(`${namespace}/${address}`);
  }

  protected override keep({ metadata, status }: Pod): PodRow | undefined {
    const addresses = status?.podIPs?.flatMap(({ ip }) => ip ?? []) ?? (status?.podIP ? [status.podIP] : []);
    if (metadata.deletionTimestamp || OVER.includes(status?.phase ?? '') || addresses.length === 0) return undefined;
    return { namespace: metadata.namespace ?? '', addresses };
  }

  protected override inserted(row: PodRow): void {
    for (const key of keysOf(row)) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  protected override deleted(row: PodRow): void {
    for (const key of keysOf(row)) {
      const left = this.#counts.get(key)! - 1;
      if (left > 0) this.#counts.set(key, left);
      else this.#counts.delete(key);
    }
  }
}

const keysOf = ({ namespace, addresses }: PodRow): string[] => addresses.map((address) => `${namespace}/${address}`);
