// kube-proxy against a server that has one good Service and many hostile ones: answers with what reached the kernel, and what was said
// of the rest.
import type { Event } from '../../api/types/core.v1.ts';
import type { Client } from '../../client/client.ts';
import { systemClock } from '../../host/clock.ts';
import { check } from '../../host/exec.ts';
import { aborted } from '../../host/lifecycle.ts';
import { silentLogger } from '../../host/log.ts';
import { defaultOptions, type ProxyMode, runProxy } from '../../proxy/proxy.ts';
import { answer } from '../network.ts';
import { HOSTILE, type Hostile, sliceOf } from './hostile-services.ts';

export interface HostileOutcome {
  /** All of the kernel's, as its tools tell them. */
  readonly rules: string;
  /** uid of the Service → what its event says. */
  readonly events: Readonly<Record<string, string>>;
  readonly metrics: string;
  /** What a shell would have made. */
  readonly files: string;
  /** Node's own warnings. */
  readonly warnings: readonly string[];
}

const METRICS = '127.0.0.1:10249';
const GOOD: Hostile = {
  about: 'good',
  service: {
    metadata: { name: 'web', namespace: 'default', uid: 'web', resourceVersion: '1' },
    spec: { clusterIP: '10.96.0.20', clusterIPs: ['10.96.0.20'], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
  },
};

/** The good one stands in the middle. */
const ALL = [...HOSTILE.slice(0, HOSTILE.length / 2), GOOD, ...HOSTILE.slice(HOSTILE.length / 2)];
const ITEMS: Readonly<Record<string, readonly unknown[]>> = {
  services: ALL.map(({ service }) => service),
  endpointslices: ALL.map(sliceOf),
};

function clientOf(events: Record<string, string>): Client {
  const client = {
    list: ({ plural }: { plural: string }) =>
      Promise.resolve({ metadata: { resourceVersion: '1' }, items: ITEMS[plural] ?? [] }),
    watch: (_: unknown, { signal }: { signal: AbortSignal }) => ({
      async *[Symbol.asyncIterator]() {
        await aborted(signal);
        yield* [];
      },
    }),
    create: (_: unknown, event: Event) => {
      events[event.involvedObject.uid!] = event.message!;
      return Promise.resolve(event);
    },
  };
  return client as unknown as Client;
}

const LIST: Readonly<Record<ProxyMode, readonly string[]>> = {
  iptables: ['iptables-save'],
  nftables: ['nft', 'list', 'ruleset'],
};

await answer(async ({ mode }: { mode: ProxyMode }): Promise<HostileOutcome> => {
  const warnings: string[] = [];
  process.on('warning', ({ message }) => warnings.push(message));
  const stop = new AbortController();
  const events: Record<string, string> = {};
  const running = runProxy({
    client: clientOf(events),
    mode,
    options: { ...defaultOptions('node-1', mode), localhostNodePorts: false },
    metricsBindAddress: METRICS,
    signal: stop.signal,
    log: silentLogger,
  });
  const wrong = HOSTILE.filter(({ isServed }) => !isServed).length;
  const served = HOSTILE.filter(({ isServed }) => isServed).map(({ service }) => service.spec!.clusterIP!);
  let rules = '';
  for (let tries = 0; tries < 200; tries += 1) {
    rules = await check(LIST[mode]);
    if (served.every((ip) => rules.includes(ip)) && Object.keys(events).length >= wrong) break;
    await systemClock.sleep(50);
  }
  const metrics = await (await fetch(`http://${METRICS}/metrics`)).text();
  stop.abort();
  await running;
  return { rules, events, metrics, files: await check(['ls', '/run']), warnings };
});
