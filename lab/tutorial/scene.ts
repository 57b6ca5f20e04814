// The lab that the tutorial walks through, and the ways to look into it: kubectl as a reader types it, commands at places of the
// lab, and real requests.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Pod } from '../../api/types/core.v1.ts';
import type { EndpointSlice } from '../../api/types/discovery.v1.ts';
import type { Client } from '../../client/client.ts';
import { services } from '../../client/resources.ts';
import { run } from '../../host/exec.ts';
import { claim, DisprovedError } from './claim.ts';

export type ProxyMode = 'iptables' | 'nftables';
export type PodNetwork = 'routes' | 'vxlan';

export interface SceneOptions {
  readonly directory: string;
  readonly client: Client;
  readonly proxyMode: ProxyMode;
  readonly podNetwork: PodNetwork;
  /** How this program runs one of its own: `[node, bin/vitrine]`. */
  readonly vitrine: readonly string[];
}

/** What the image `echo` says of itself and of who asked. */
export interface Answer {
  readonly pod: string;
  readonly node: string;
  readonly podIP: string;
  /** `203.0.113.100:40122` */
  readonly client: string;
}

/** $1: the pod's name. Its container's first process is number 1 in a namespace of its own. */
const KILL = `
for process in /proc/[0-9]*; do
  if grep -qz "^POD_NAME=$1$" $process/environ 2>/dev/null && grep -q '^NSpid:.*[[:space:]]1$' $process/status; then
    date +%s%3N
    kill -9 \${process#/proc/}
    exit
  fi
done
`;

/** kubectl's and curl's own limits, s and ms. */
const ANSWER_S = 2;
const COMMAND_MS = 60_000;

export class Scene {
  readonly proxyMode: ProxyMode;
  readonly podNetwork: PodNetwork;
  readonly #options: SceneOptions;
  /** What was typed since the last step, as a reader would type it. */
  #typed: string[] = [];

  constructor(options: SceneOptions) {
    this.#options = options;
    this.proxyMode = options.proxyMode;
    this.podNetwork = options.podNetwork;
  }

  /** The commands since the last call. */
  takeTyped(): readonly string[] {
    const typed = this.#typed;
    this.#typed = [];
    return typed;
  }

  /** `kubectl LINE`, shown to the reader. Standard output; rejects with what kubectl says. */
  async kubectl(line: string, input?: string): Promise<string> {
    this.#typed.push(input === undefined ? `kubectl ${line}` : `kubectl ${line} <<EOF\n${input.trim()}\nEOF`);
    return this.ask(line, input);
  }

  /** As kubectl, but not worth showing. */
  async ask(line: string, input?: string): Promise<string> {
    const kubeconfig = `--kubeconfig=${this.#options.directory}/kubeconfig`;
    const { exitCode, stdout, stderr } = await run(['kubectl', kubeconfig, ...line.split(' ')], {
      input,
      timeoutMs: COMMAND_MS,
    });
    if (exitCode !== 0) throw new DisprovedError(stderr.trim());
    return stdout.trimEnd();
  }

  /** The object, as JSON. */
  async object<T>(line: string): Promise<T> {
    return JSON.parse(await this.ask(`get ${line} -o json`)) as T;
  }

  /** A command at a place of the lab, shown to the reader. Standard output; rejects with its error. */
  async at(place: string, ...argv: string[]): Promise<string> {
    this.#typed.push(`vitrine exec ${place} -- ${argv.join(' ')}`);
    const { exitCode, stdout, stderr } = await this.exec(place, argv);
    if (exitCode !== 0) throw new DisprovedError(stderr.trim() || `exit code ${exitCode}`);
    return stdout.trimEnd();
  }

  /** As `at`, whatever the exit code, and not shown. */
  exec(
    place: string,
    argv: readonly string[],
    input?: string,
  ): Promise<{ exitCode: number; stdout: string; stderr: string }> {
    const words = ['exec', `--dir=${this.#options.directory}`, place, '--', ...argv];
    return run([...this.#options.vitrine, ...words], { input, timeoutMs: COMMAND_MS });
  }

  /** Starts a command at a place; `firstLine` resolves when it has said something, `output` when it has ended. */
  start(place: string, argv: readonly string[]): { firstLine: Promise<void>; output: Promise<string> } {
    const [command, ...words] = [
      ...this.#options.vitrine,
      'exec',
      `--dir=${this.#options.directory}`,
      place,
      '--',
      ...argv,
    ];
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    const ended = once(child, 'close').then(() => text);
    const firstLine = once(child.stdout, 'data').then(() => undefined);
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    return { firstLine: Promise.race([firstLine, ended.then(() => undefined)]), output: ended };
  }

  /** Who answers `count` requests in turn, each on a connection of its own; who does not answer is missing. Shown once. */
  async hits(place: string, url: string, count = 1): Promise<Answer[]> {
    this.#typed.push(`vitrine exec ${place} -- curl ${url}${count > 1 ? `     # ${count} times` : ''}`);
    return this.answers(place, url, count);
  }

  async answers(place: string, url: string, count: number): Promise<Answer[]> {
    const address = `${url}${url.includes('/', 8) ? '' : '/'}?json&[1-${count}]`;
    const argv = ['curl', '-s', '-m', String(ANSWER_S), '-H', 'Connection: close', address];
    const { stdout } = await this.exec(place, argv);
    return stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Answer);
  }

  /** The first answer, or why there is none: curl's words. */
  async reply(place: string, url: string): Promise<Answer | string> {
    this.#typed.push(`vitrine exec ${place} -- curl ${url}`);
    const argv = ['curl', '-sS', '-m', String(ANSWER_S), '-H', 'Accept: application/json', url];
    const { exitCode, stdout, stderr } = await this.exec(place, argv);
    return exitCode === 0 ? (JSON.parse(stdout) as Answer) : stderr.trim();
  }

  /** Looks again until `accept` likes it; rejects with the last look after `withinMs`. */
  async eventually<T>(look: () => Promise<T>, accept: (seen: T) => boolean, withinMs = 15_000): Promise<T> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const seen = await look();
      if (accept(seen)) return seen;
      claim(Date.now() < deadline, `still after ${withinMs} ms: ${JSON.stringify(seen)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** A deployment of `echo` with its Service's endpoints in place. */
  async deploy(name: string, replicas: number): Promise<void> {
    await this.kubectl(`create deployment ${name} --image=echo --replicas=${replicas}`);
    await this.kubectl(`wait --for=condition=Available deployment/${name} --timeout=30s`);
  }

  /** Addresses of the ready endpoints of a Service, sorted. */
  async endpoints(service: string): Promise<string[]> {
    const { items } = await this.object<{ items: EndpointSlice[] }>(
      `endpointslices -l kubernetes.io/service-name=${service}`,
    );
    const ready = items.flatMap((slice) => slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready);
    return ready.map(({ addresses }) => addresses[0]).sort();
  }

  waitForEndpoints(service: string, count: number): Promise<string[]> {
    return this.eventually(
      () => this.endpoints(service),
      (found) => found.length === count,
    );
  }

  /** A ClusterIP Service at a chosen address, 80 → 8080, without kubectl's start-up; resolves with when it was asked for, ms. */
  async createService(name: string, app: string, clusterIP: string): Promise<number> {
    const spec = { selector: { app }, clusterIP, ports: [{ port: 80, targetPort: 8080 }] };
    const askedAt = Date.now();
    await this.#options.client.create(services, { metadata: { name, namespace: 'default' }, spec });
    return askedAt;
  }

  /** kill -9 of the first process of the pod's container; resolves with when that was, ms since the epoch. */
  async killPod(name: string): Promise<number> {
    const { stdout } = await this.exec('node-1', ['sh', '-c', KILL, 'sh', name]);
    claim(/^\d+$/.test(stdout.trim()), `no process of pod ${name} was found`);
    return Number(stdout);
  }

  /** Names of the pods of a deployment made by `deploy`. */
  async pods(app: string): Promise<string[]> {
    const { items } = await this.object<{ items: Pod[] }>(`pods -l app=${app}`);
    return items.filter(({ metadata }) => !metadata.deletionTimestamp).map(({ metadata }) => metadata.name);
  }
}

/** How often each value occurs, most often first: `backend-1 102, backend-2 99`. */
export function tally(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return new Map([...counts].sort((a, b) => b[1] - a[1]));
}

export const tallyText = (values: readonly string[]): string =>
  [...tally(values)].map(([value, count]) => `${value} ${count}`).join(', ');
