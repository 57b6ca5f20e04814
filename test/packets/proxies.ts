// kube-proxies as programs, one per node, ours or any other that takes upstream's flags; and the way to know that they have caught
// up with everything written so far, whoever's they are: two Services of ours change last, and packets tell.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { systemClock } from '../../host/clock.ts';
import { check } from '../../host/exec.ts';
import type { IPFamily } from '../../proxy/plan.ts';
import type { ControlPlane } from './control-plane.ts';
import { hostOf, MARKERS_FROM, serviceOf, slicesOf } from './objects.ts';
import type { Answer, Clients } from './sockets.ts';
import { ALL_PODS, at, CLUSTER_CIDRS, FAMILIES, type ServerPod } from './topology.ts';

export type Mode = 'iptables' | 'nftables';

export interface ProxyProgram {
  /** What comes before the flags. */
  readonly argv: readonly string[];
  readonly isUpstream: boolean;
}

/** Flags over those that every proxy here gets. */
export type ProxyFlags = Readonly<Record<string, string>>;

/** Upstream's own wish to tune the machine, which a namespace does not let it. */
const UPSTREAM_FLAGS: ProxyFlags = {
  'conntrack-max-per-core': '0',
  'conntrack-tcp-timeout-established': '0',
  'conntrack-tcp-timeout-close-wait': '0',
};

export interface ProxyOptions {
  readonly program: ProxyProgram;
  readonly mode: Mode;
  readonly kubeconfig: string;
  /** Name of the network namespace it runs in. */
  readonly place: string;
  /** The node it is for; default: the place's name. */
  readonly node?: string;
  readonly flags?: ProxyFlags;
}

const STOP_PATIENCE_MS = 5000;

export class ProxyProcess {
  readonly options: ProxyOptions;
  #child: ChildProcess | undefined;
  #said = '';

  constructor(options: ProxyOptions) {
    this.options = options;
  }

  start(flags: ProxyFlags = this.options.flags ?? {}): void {
    this.startAs(this.options.node ?? this.options.place, flags);
  }

  /** Starts it for a node, wherever it runs. */
  startAs(node: string, flags: ProxyFlags = {}): void {
    const { program, mode, kubeconfig, place } = this.options;
    const all = {
      kubeconfig,
      'proxy-mode': mode,
      'hostname-override': node,
      'cluster-cidr': CLUSTER_CIDRS,
      ...(program.isUpstream && UPSTREAM_FLAGS),
      ...flags,
    };
    const words = Object.entries(all).map(([name, value]) => `--${name}=${value}`);
    const [command, ...argv] = at(place, ...program.argv, ...words);
    this.#child = spawn(command, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr!.on('data', (chunk: Buffer) => {
      this.#said = `${this.#said}${chunk}`.slice(-4000);
    });
  }

  /** Resolves when it has ended: true, or false when it had to be killed because it did not end when told to. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<boolean> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return true;
    const gone = once(child, 'exit').then(() => true);
    child.kill(signal);
    const isObedient = await Promise.race([gone, systemClock.sleep(STOP_PATIENCE_MS).then(() => false)]);
    if (!isObedient) child.kill('SIGKILL');
    await gone;
    return isObedient;
  }

  /** Throws what it said last when it ended by itself. */
  assertRunning(): void {
    const child = this.#child;
    if (!child || (child.exitCode === null && child.signalCode === null)) return;
    throw new Error(`the proxy of ${this.options.place} ended: ${this.#said}`);
  }

  /** The end of what it wrote to its standard error. */
  get said(): string {
    return this.#said;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Runs it to its end with `--cleanup`. */
  async cleanup(): Promise<void> {
    const { program, mode, place } = this.options;
    // Upstream looks at its exit code only after having complained of what a namespace does not let it do.
    await check(at(place, ...program.argv, '--cleanup', `--proxy-mode=${mode}`), { timeoutMs: 60_000 });
  }

  /** The kernel's rules, as the tools of its mode tell them. */
  async rules(): Promise<RuleTexts> {
    const { mode, place } = this.options;
    if (mode === 'nftables') return { nft: await check(at(place, 'nft', 'list', 'ruleset')) };
    const [iptables, ip6tables] = await Promise.all(
      ['iptables-save', 'ip6tables-save'].map((save) => check(at(place, save))),
    );
    return { iptables, ip6tables };
  }
}

export interface RuleTexts {
  readonly nft?: string;
  readonly iptables?: string;
  readonly ip6tables?: string;
}

const MARKER = 'settled';
const [OPEN, CLOSED] = [MARKERS_FROM, MARKERS_FROM + 1];
const PATIENCE_MS = 45_000;
const LOOK_EVERY_MS = 30;

/** A proxy does not bring into the kernel what was written. */
export class UnsettledError extends Error {}

/** Writes the markers anew and waits until they work as written, from every node with a running proxy, IPv4 and IPv6. */
export class Settling {
  readonly #cluster: ControlPlane;
  readonly #clients: Clients;
  #round = 0;

  constructor(cluster: ControlPlane, clients: Clients) {
    this.#cluster = cluster;
    this.#clients = clients;
  }

  async settle(proxies: readonly ProxyProcess[], patienceMs = PATIENCE_MS): Promise<void> {
    this.#round += 1;
    const deadline = Date.now() + patienceMs;
    const markers = { port: 50_000 + this.#round, pod: ALL_PODS[this.#round % ALL_PODS.length], deadline };
    await this.#cluster.put(...markerObjects(markers));
    const running = proxies.filter((proxy) => proxy.isRunning);
    await Promise.all(running.flatMap((proxy) => FAMILIES.map((family) => this.#untilWorks(proxy, family, markers))));
  }

  async #untilWorks(proxy: ProxyProcess, family: IPFamily, { port, pod, deadline }: Markers): Promise<void> {
    const question = { from: proxy.options.place, transport: 'tcp' as const, port, timeoutMs: 300 };
    const ask = async (number: number): Promise<Answer> => {
      const [answer] = await this.#clients.ask({ ...question, host: hostOf('cluster IP', number, family) });
      return answer;
    };
    for (;;) {
      proxy.assertRunning();
      const [open, closed] = await Promise.all([ask(OPEN), ask(CLOSED)]);
      if (open.by === pod && closed.error.includes('refused')) return;
      if (Date.now() > deadline) {
        const what = JSON.stringify({ family, expected: pod, open, closed });
        throw new UnsettledError(
          `the proxy of ${proxy.options.place} does not follow: ${what}; it says: ${proxy.said}`,
        );
      }
      await systemClock.sleep(LOOK_EVERY_MS);
    }
  }
}

interface Markers {
  /** ms since the epoch. */
  readonly deadline: number;
  readonly port: number;
  readonly pod: ServerPod;
}

/** One Service with an endpoint and one without: they show wherever rules of Services stand. Their port and endpoint change. */
function markerObjects({ port, pod }: Pick<Markers, 'port' | 'pod'>) {
  const ports = [{ name: '', protocol: 'TCP' as const, nodePort: 0, port, targetPort: 8080 }];
  const spec = { type: 'ClusterIP' as const, externalIPs: [] };
  return [
    serviceOf({ name: `${MARKER}-closed`, number: CLOSED, ports, spec }),
    serviceOf({ name: MARKER, number: OPEN, ports, spec }),
    ...slicesOf({ service: MARKER, endpoints: [pod], ports }),
  ];
}
