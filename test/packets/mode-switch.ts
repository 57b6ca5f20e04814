// kube-proxy started in one mode where another mode's rules still stand: tells what is left of each when the dust has settled.
import type { Service } from '../../api/types/core.v1.ts';
import type { Client } from '../../client/client.ts';
import { systemClock } from '../../host/clock.ts';
import { check } from '../../host/exec.ts';
import { aborted } from '../../host/lifecycle.ts';
import { silentLogger } from '../../host/log.ts';
import { defaultOptions, PROXY_MODES, type ProxyMode, runProxy } from '../../proxy/proxy.ts';
import { answer } from '../network.ts';

/** How many lines of each mode's rules name the Service's cluster IP, and how many are this proxy's at all. */
export type Standing = Readonly<Record<ProxyMode, { readonly ofService: number; readonly own: number }>>;

export interface SwitchOutcome {
  readonly before: Standing;
  readonly after: Standing;
}

const CLUSTER_IP = '10.96.0.20';

const SERVICE: Service = {
  metadata: { name: 'web', namespace: 'default', uid: '1', resourceVersion: '1' },
  spec: { clusterIP: CLUSTER_IP, clusterIPs: [CLUSTER_IP], ports: [{ port: 80, protocol: 'TCP' }] },
};

/** A server that has one Service and says nothing more: all that the proxy's informers ask. */
const client = {
  list: ({ plural }: { plural: string }) =>
    Promise.resolve({ metadata: { resourceVersion: '1' }, items: plural === 'services' ? [SERVICE] : [] }),
  watch: (_: unknown, { signal }: { signal: AbortSignal }) => ({
    async *[Symbol.asyncIterator]() {
      await aborted(signal);
      yield* [];
    },
  }),
} as unknown as Client;

async function standing(): Promise<Standing> {
  const texts: Record<ProxyMode, string> = {
    iptables: await check(['iptables-save']),
    nftables: await check(['sh', '-c', 'nft list table ip vitrine-proxy 2>/dev/null || true']),
  };
  const count = (mode: ProxyMode, what: RegExp): number =>
    texts[mode].split('\n').filter((line) => what.test(line)).length;
  const own = { iptables: /KUBE-/, nftables: /vitrine-proxy/ };
  const of = (mode: ProxyMode) => ({ ofService: count(mode, /10\.96\.0\.20/), own: count(mode, own[mode]) });
  return { iptables: of('iptables'), nftables: of('nftables') };
}

/** Runs the proxy until `isRight`; 10 s at most. */
async function runUntil(mode: ProxyMode, isRight: (now: Standing) => boolean): Promise<Standing> {
  const stop = new AbortController();
  const options = defaultOptions('node-1', mode);
  const running = runProxy({
    client,
    mode,
    options: { ...options, localhostNodePorts: false },
    families: ['IPv4'],
    signal: stop.signal,
    log: silentLogger,
  });
  let now = await standing();
  for (let tries = 0; tries < 200 && !isRight(now); tries += 1) {
    await systemClock.sleep(50);
    now = await standing();
  }
  stop.abort();
  await running;
  return now;
}

await answer(async ({ from, to }: { from: ProxyMode; to: ProxyMode }): Promise<SwitchOutcome> => {
  if (!PROXY_MODES.includes(from) || !PROXY_MODES.includes(to)) throw new Error(`no such modes: ${from}, ${to}`);
  const before = await runUntil(from, (now) => now[from].ofService > 0);
  return { before, after: await runUntil(to, (now) => now[to].ofService > 0 && now[from].own === 0) };
});
