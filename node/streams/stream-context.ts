// What every request to the agent is served with.
import type { Pod } from '../../api/types/core.v1.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { Runtime } from '../runtime.ts';
import type { UsageHistory } from '../stats/usage-history.ts';

/** The pods of this node as the agent knows them. */
export interface KnownPods {
  find(namespace: string, name: string): Pod | undefined;
  list(): readonly Pod[];
}

export interface StreamContext {
  readonly runtime: Runtime;
  readonly pods: KnownPods;
  readonly nodeName: string;
  readonly usageHistory: UsageHistory;
  /** Container → log file, of the mirror pods: the runtime knows nothing of them. */
  readonly mirrorLogs?: ReadonlyMap<string, string>;
  readonly clock: Clock;
  readonly log: Logger;
}
