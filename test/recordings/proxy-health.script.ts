// The whole proxy inside its own network namespace, following objects that the test changes: answers with what its ports said in
// each state.
import { request } from 'node:http';
import { isEqual, type KubeObject, keyOf } from '../../api/object.ts';
import type { Client, WatchEvent } from '../../client/client.ts';
import { systemClock } from '../../host/clock.ts';
import { check, type Exec, ExecError } from '../../host/exec.ts';
import { silentLogger } from '../../host/log.ts';
import { defaultOptions, type ProxyMode, runProxy } from '../../proxy/proxy.ts';
import { answer, shell } from '../network.ts';
import { comparable, type RecordedAnswer } from './health-answer.ts';

export interface HealthState {
  apply?: KubeObject[];
  delete?: { kind: string; name: string }[];
  /** From now on the kernel refuses rules, or takes them again. */
  refuses?: boolean;
  /** The answers are what they are at once; else the recorded ones are waited for. */
  atOnce?: boolean;
  requests: RecordedAnswer[];
}

export interface HealthCase {
  mode: ProxyMode;
  nodeName: string;
  clusterCIDR: string;
  syncPeriodMs: number;
  objects: KubeObject[];
  states: HealthState[];
}

/** Objects by kind, and whoever watches them. */
class Cluster {
  readonly #objects = new Map<string, KubeObject>();
  readonly #watchers = new Set<{ kind: string; push: (event: WatchEvent<KubeObject>) => void }>();

  set(object: KubeObject): void {
    const key = `${object.kind} ${keyOf(object)}`;
    const type = this.#objects.has(key) ? 'MODIFIED' : 'ADDED';
    this.#objects.set(key, object);
    this.#tell({ type, object });
  }

  delete(kind: string, name: string): void {
    const object = this.#objects.get(`${kind} ${name}`);
    if (!object) throw new Error(`no ${kind} ${name}`);
    this.#objects.delete(`${kind} ${name}`);
    this.#tell({ type: 'DELETED', object });
  }

  #tell(event: { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: KubeObject }): void {
    for (const { kind, push } of this.#watchers) if (kind === event.object.kind) push(event);
  }

  readonly client = {
    list: ({ kind }: { kind: string }) =>
      Promise.resolve({
        metadata: { resourceVersion: '1' },
        items: [...this.#objects.values()].filter((object) => object.kind === kind),
      }),
    watch: ({ kind }: { kind: string }, { signal }: { signal: AbortSignal }) => this.#watch(kind, signal),
  } as unknown as Client;

  async *#watch(kind: string, signal: AbortSignal): AsyncGenerator<WatchEvent<KubeObject>> {
    const events: WatchEvent<KubeObject>[] = [];
    let wake: () => void = () => undefined;
    const push = (event: WatchEvent<KubeObject>): void => {
      events.push(event);
      wake();
    };
    signal.addEventListener('abort', () => wake(), { once: true });
    const watcher = { kind, push };
    this.#watchers.add(watcher);
    while (!signal.aborted) {
      while (events.length > 0) yield events.shift()!;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (events.length > 0 || signal.aborted) resolve();
      });
    }
    this.#watchers.delete(watcher);
  }
}

function ask({ method, url }: RecordedAnswer): Promise<RecordedAnswer> {
  return new Promise((resolve) => {
    const sent = request(url, { method, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const names = response.rawHeaders.filter((_, at) => at % 2 === 0);
        const headers = Object.fromEntries(names.map((name) => [name, String(response.headers[name.toLowerCase()])]));
        resolve({ method, url, status: response.statusCode, headers, body: Buffer.concat(chunks).toString() });
      });
    });
    sent.on('error', (error: NodeJS.ErrnoException) =>
      resolve({ method, url, error: error.code === 'ECONNREFUSED' ? 'connection refused' : String(error.code) }),
    );
    sent.end();
  });
}

/** Asks again until the answer is the expected one, 20 s at most: then whatever it was. */
async function settled(expected: RecordedAnswer): Promise<RecordedAnswer> {
  let said = await ask(expected);
  for (let tries = 0; tries < 400 && !isEqual(comparable(said), comparable(expected)); tries += 1) {
    await systemClock.sleep(50);
    said = await ask(expected);
  }
  return said;
}

await answer(async ({ mode, nodeName, clusterCIDR, syncPeriodMs, objects, states }: HealthCase) => {
  await shell('ip address add 192.168.1.10/32 dev lo');
  const stop = new AbortController();
  const cluster = new Cluster();
  for (const object of objects) cluster.set(object);
  let refuses = false;
  const exec: Exec = (argv, options) => {
    // As recorded, rules of IPv4 only.
    const isWrite = argv[0] === 'iptables-restore' || (argv[0] === 'nft' && /^\w+ \w+ ip /m.test(`${options?.input}`));
    return refuses && isWrite ? Promise.reject(new ExecError(argv, 1, 'refused')) : check(argv, options);
  };
  const running = runProxy({
    client: cluster.client,
    mode,
    options: { ...defaultOptions(nodeName, mode), clusterCIDRs: [clusterCIDR] },
    syncPeriodMs,
    healthzBindAddress: '0.0.0.0:10256',
    metricsBindAddress: '127.0.0.1:10249',
    exec,
    signal: stop.signal,
    log: silentLogger,
  });
  const answers: RecordedAnswer[][] = [];
  for (const state of states) {
    refuses = state.refuses ?? refuses;
    for (const object of state.apply ?? []) cluster.set(object);
    for (const { kind, name } of state.delete ?? []) cluster.delete(kind, name);
    const said: RecordedAnswer[] = [];
    for (const expected of state.requests) said.push(await (state.atOnce ? ask(expected) : settled(expected)));
    answers.push(said);
  }
  stop.abort();
  await running;
  return answers;
});
