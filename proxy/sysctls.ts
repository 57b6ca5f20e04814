// Kernel settings the proxy needs, set where it may; a refusal is told once and not fatal, for the machine may have them set.
import { readFile, writeFile } from 'node:fs/promises';
import type { Logger } from '../host/log.ts';
import type { KubeProxyConfiguration } from './configuration.ts';

/** Node ports on 127.0.0.1 need packets from loopback to leave it. */
export const ROUTE_LOCALNET = 'net/ipv4/conf/all/route_localnet';

export async function setSysctl(name: string, value: string, log: Logger): Promise<void> {
  const file = `/proc/sys/${name}`;
  try {
    if ((await readFile(file, 'utf8')).trim() === value) return;
    await writeFile(file, value);
  } catch (error) {
    log.warn({ sysctl: name, value, error: (error as Error).message }, 'this sysctl could not be set');
  }
}

/** `score` is -1000 to 1000. Lowering it needs a right that a process in a user namespace has not: nothing depends on it. */
export async function setOutOfMemoryScore(score: number, log: Logger): Promise<void> {
  await writeFile('/proc/self/oom_score_adj', String(score)).catch((error: Error) =>
    log.debug({ score, error: error.message }, 'the out-of-memory score could not be set'),
  );
}

const seconds = (ms: number): string => String(Math.floor(ms / 1000));

/** As upstream's conntrack section has them (v1.36 cmd/kube-proxy/app/server_linux.go): 0 leaves a setting alone. */
export async function setConntrackSysctls(
  conntrack: KubeProxyConfiguration['conntrack'],
  cores: number,
  log: Logger,
): Promise<void> {
  const most = Math.max(conntrack.min, conntrack.maxPerCore * cores);
  if (conntrack.maxPerCore > 0) await raise('net/netfilter/nf_conntrack_max', most, log);
  const timeouts = {
    tcp_timeout_established: conntrack.tcpEstablishedTimeout,
    tcp_timeout_close_wait: conntrack.tcpCloseWaitTimeout,
    udp_timeout: conntrack.udpTimeout,
    udp_timeout_stream: conntrack.udpStreamTimeout,
  };
  for (const [name, ms] of Object.entries(timeouts)) {
    if (ms > 0) await setSysctl(`net/netfilter/nf_conntrack_${name}`, seconds(ms), log);
  }
  if (conntrack.tcpBeLiberal) await setSysctl('net/netfilter/nf_conntrack_tcp_be_liberal', '1', log);
}

/** Never lowers a limit that someone set higher. */
async function raise(name: string, least: number, log: Logger): Promise<void> {
  const now = Number(await readFile(`/proc/sys/${name}`, 'utf8').catch(() => 'unknown'));
  if (!(now >= least)) await setSysctl(name, String(least), log);
}
