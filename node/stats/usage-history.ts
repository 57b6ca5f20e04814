// What containers and the node have used since a while ago, so that processor time becomes a rate.
import type { Clock } from '../../host/clock.ts';
import type { NodeUsage, Runtime, Usage } from '../runtime.ts';

/** ms between looks nobody asked for: what a rate is reckoned from is one to two of these ago, as with metrics-server. */
const LOOK_MS = 15_000;
/** ms: a rate over less says nothing. */
const LEAST_MS = 1000;

/** What somebody uses now. */
export interface Rate extends Usage {
  /** Processor cores, on average over the window. */
  readonly cores: number;
  /** ms. */
  readonly windowMs: number;
}

export interface Usages {
  /** ms since the epoch. */
  readonly at: number;
  /** By container id. */
  readonly containers: ReadonlyMap<string, Rate>;
  /** Undefined in the agent's first moments. */
  readonly node: Rate | undefined;
}

interface Look extends NodeUsage {
  /** ms since the epoch. */
  readonly at: number;
}

export class UsageHistory {
  readonly #runtime: Pick<Runtime, 'usage' | 'status'>;
  readonly #clock: Clock;
  /** The oldest first; two at most. */
  #looks: readonly Look[] = [];

  constructor(runtime: Pick<Runtime, 'usage' | 'status'>, clock: Clock) {
    this.#runtime = runtime;
    this.#clock = clock;
  }

  /** Looks now and then until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#looks = [...this.#looks.slice(-1), this.#look()];
      await this.#clock.sleep(LOOK_MS, signal).catch(() => {}); // rejects only by the signal
    }
  }

  now(): Usages {
    const look = this.#look();
    const { at } = look;
    const before = this.#looks.filter((one) => at - one.at >= LEAST_MS);
    const containers = new Map<string, Rate>();
    for (const [id, usage] of look.containers) {
      // A container that nobody has looked at yet had used nothing when it began.
      const past = before.find((one) => one.containers.has(id));
      const since = past ? past.at : this.#runtime.status(id)!.startedAt;
      containers.set(id, rate(usage, past?.containers.get(id), at - since));
    }
    const [past] = before;
    return { at, containers, node: past && rate(look.node, past.node, at - past.at) };
  }

  #look(): Look {
    return { ...this.#runtime.usage(), at: this.#clock.now() };
  }
}

/** Processes that ended without anybody waiting for them take their time with them: a rate is never negative. */
function rate(usage: Usage, past: Usage | undefined, ms: number): Rate {
  const windowMs = Math.max(1, ms);
  const used = Math.max(0, usage.cpuSeconds - (past?.cpuSeconds ?? 0));
  return { ...usage, cores: (used * 1000) / windowMs, windowMs };
}
