// A backend turns plans into the state of this node's kernel. One packet suite runs on every backend.
import type { Plan } from './plan.ts';

export interface Backend {
  readonly name: 'iptables' | 'nftables';
  /**
   * Makes the kernel do what `plan` says. `changed` names the service ports (ids) that may differ from the plan of the last
   * successful sync; absent: trust nothing, repair everything. Rejects, leaving the last good state, when the kernel
   * refuses.
   */
  sync(plan: Plan, changed?: ReadonlySet<string>): Promise<void>;
  /**
   * Whether the kernel still holds what the last sync left there, however much of that others have changed. Only reads, and may run beside
   * syncs; undefined when what it read cannot be told from what they wrote meanwhile. Rejects when the kernel cannot be asked, or
   * `signal` aborts.
   */
  isIntact(signal: AbortSignal): Promise<boolean | undefined>;
  /** Calls `lost` whenever someone else flushed or deleted our rules. Returns when `signal` aborts. */
  guard(lost: () => void, signal: AbortSignal): Promise<void>;
  /** Which Service port, and which endpoint of it, a rule, chain or map element in the kernel belongs to. */
  readonly rules: RuleIndex;
  /** table → how many rules are ours, and how many the last sync wrote; absent where the backend has no such tables. */
  readonly ruleCounts?: ReadonlyMap<string, { readonly total: number; readonly last: number }>;
  /** Removes everything this backend ever wrote. */
  cleanup(): Promise<void>;
}

export interface RuleIndex {
  /** `name` is a chain's name, or a map's name and key (`service-ips 10.96.0.20 . tcp . 80`). */
  find(name: string): { servicePort: string; endpoint?: string } | undefined;
}
