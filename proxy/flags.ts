// The command line of the proxy: upstream's flags, each a field of KubeProxyConfiguration.
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import * as z from 'zod';
import type { Flag, Flags, Values } from '../host/flags.ts';
import { UsageError } from '../host/lifecycle.ts';
import { configurationOf, type KubeProxyConfiguration, readConfiguration } from './configuration.ts';

const LOCAL_MODES = ['ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix', 'None'] as const;

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean),
);

const text = (help: string): Flag<string | undefined> => ({ type: z.string().optional(), help });
const flag = (help: string): Flag<boolean | undefined> => ({ type: z.boolean().optional(), help, boolean: true });
const count = (help: string): Flag<number | undefined> => ({ type: z.coerce.number().int().optional(), help });

// biome-ignore format: one flag per row reads as a table
export const FLAGS = {
  config: text('KubeProxyConfiguration file; of the other flags only --hostname-override counts beside it'),
  'write-config-to': text('write the configuration of these flags to this file, and end'),
  kubeconfig: text('kubeconfig file of the API server to follow'),
  master: text("URL of the API server, in place of the kubeconfig's"),
  'kube-api-content-type': text('taken as upstream takes it; this proxy speaks JSON'),
  'kube-api-qps': { type: z.coerce.number().optional(), help: 'taken as upstream takes it; this proxy lists and watches, and never waits' },
  'kube-api-burst': count('the same'),
  'config-sync-period': text('the same: what changes is heard of at once'),
  'proxy-mode': text('iptables (default) or nftables'),
  'hostname-override': text("name of this node; default: the host's name"),
  'cluster-cidr': text("CIDRs of the pods' addresses, one per family, with commas between"),
  'detect-local-mode': { type: z.enum(LOCAL_MODES).optional(), help: `how traffic is told to come from local pods: ${LOCAL_MODES.join(', ')}; default ClusterCIDR` },
  'pod-bridge-interface': text('the bridge of mode BridgeInterface'),
  'pod-interface-name-prefix': text('the prefix of mode InterfaceNamePrefix'),
  'nodeport-addresses': { type: list.optional(), help: 'CIDRs whose addresses serve node ports, or primary; default: all (iptables), primary (nftables)' },
  'masquerade-all': flag('masquerade all traffic to cluster IPs'),
  'iptables-masquerade-bit': count('bit of the packet mark that asks for masquerade; default 14'),
  'iptables-localhost-nodeports': flag('serve node ports on 127.0.0.1 too (iptables only); default true'),
  'iptables-sync-period': text('time between full syncs that look for drift; default 30s'),
  'iptables-min-sync-period': text('upstream waits so long between syncs; this proxy syncs at once and never waits'),
  'bind-address': text('address of health and metrics servers that name none; default 0.0.0.0'),
  'bind-address-hard-fail': flag('end when such an address cannot be listened on, instead of trying again'),
  'healthz-bind-address': text("IP:PORT of /healthz and /livez; default 0.0.0.0:10256, '' for none"),
  'metrics-bind-address': text("IP:PORT of /metrics and /configz; default 127.0.0.1:10249, '' for none"),
  'conntrack-max-per-core': count('followed connections per core; default 32768, 0 leaves the limit alone'),
  'conntrack-min': count('followed connections at least; default 131072'),
  'conntrack-tcp-timeout-established': text('how long idle TCP connections are followed; default 24h, 0 leaves it alone'),
  'conntrack-tcp-timeout-close-wait': text('the same of connections in CLOSE_WAIT; default 1h'),
  'conntrack-tcp-be-liberal': flag('follow TCP packets out of window too'),
  'conntrack-udp-timeout': text('how long unanswered UDP flows are followed; default: left alone'),
  'conntrack-udp-timeout-stream': text('how long answered UDP flows are followed; default: left alone'),
  'oom-score-adj': count('how soon the kernel ends this process when memory is short, -1000 (never) to 1000; default -999'),
  'init-only': flag('set what of the kernel needs full rights, and end; without it CAP_NET_ADMIN is enough afterwards'),
  cleanup: flag('remove all rules of all modes, and end'),
} satisfies Record<string, Flag>;

/** Upstream's other flags, with their defaults: of logging, profiling and IPVS. A command line with them is no reason to refuse to start. */
// biome-ignore format: as above
const OTHERS: Readonly<Record<string, string>> = {
  'boot-id-file': '/proc/sys/kernel/random/boot_id',
  'feature-gates': '',
  'ipvs-exclude-cidrs': '[]',
  'ipvs-min-sync-period': '1s',
  'ipvs-scheduler': '',
  'ipvs-strict-arp': 'false',
  'ipvs-sync-period': '30s',
  'ipvs-tcp-timeout': '0s',
  'ipvs-tcpfin-timeout': '0s',
  'ipvs-udp-timeout': '0s',
  'log-flush-frequency': '5s',
  'log-json-info-buffer-size': '0',
  'log-json-split-stream': 'false',
  'log-text-info-buffer-size': '0',
  'log-text-split-stream': 'false',
  'logging-format': 'text',
  'machine-id-file': '/etc/machine-id,/var/lib/dbus/machine-id',
  profiling: 'false',
  'show-hidden-metrics-for-version': '',
  v: '0',
  vmodule: '',
};

export const IGNORED: Flags = Object.fromEntries(
  Object.entries(OTHERS).map(([name, usual]) => {
    return [name, { type: z.unknown(), help: 'taken, and of no use here', boolean: usual === 'false' }];
  }),
);

/** What flags that are not given stand for, as upstream shows it; '' for those left out here. */
// biome-ignore format: as above
const DEFAULTS: Readonly<Partial<Record<keyof typeof FLAGS, string>>> = {
  'nodeport-addresses': '[]',
  'masquerade-all': 'false',
  'iptables-masquerade-bit': '14',
  'iptables-localhost-nodeports': 'true',
  'iptables-sync-period': '30s',
  'iptables-min-sync-period': '1s',
  'kube-api-content-type': 'application/vnd.kubernetes.protobuf',
  'kube-api-qps': '5',
  'kube-api-burst': '10',
  'config-sync-period': '15m0s',
  'bind-address': '0.0.0.0',
  'bind-address-hard-fail': 'false',
  'healthz-bind-address': '0.0.0.0:10256',
  'metrics-bind-address': '127.0.0.1:10249',
  'conntrack-max-per-core': '32768',
  'conntrack-min': '131072',
  'conntrack-tcp-timeout-established': '24h0m0s',
  'conntrack-tcp-timeout-close-wait': '1h0m0s',
  'conntrack-tcp-be-liberal': 'false',
  'conntrack-udp-timeout': '0s',
  'conntrack-udp-timeout-stream': '0s',
  'oom-score-adj': '-999',
  'init-only': 'false',
  cleanup: 'false',
};

/** Name → value of every flag, as /flagz shows them. */
export function shownFlags(given: Partial<Given>): Record<string, string> {
  const names = [...Object.keys(FLAGS), ...Object.keys(OTHERS)];
  const usual: Record<string, string> = { ...OTHERS, ...DEFAULTS };
  const shown = (value: unknown): string => (Array.isArray(value) ? `[${value.join(',')}]` : String(value));
  const values: Readonly<Record<string, unknown>> = given;
  return Object.fromEntries(names.map((name) => [name, shown(values[name] ?? usual[name] ?? '')]));
}

type Given = Values<typeof FLAGS>;

export interface Choices {
  readonly configuration: KubeProxyConfiguration;
  /** Fields of the file that nobody knows. */
  readonly unknown: readonly string[];
  /** Lower case, as nodes are named. */
  readonly nodeName: string;
}

/** Throws UsageError. */
export async function chosen(given: Given): Promise<Choices> {
  const { configuration, unknown } = given.config ? await fromFile(given.config) : fromFlags(given);
  const name = given['hostname-override'] || configuration.hostnameOverride || hostname();
  return { configuration, unknown, nodeName: name.trim().toLowerCase() };
}

async function fromFile(path: string): Promise<Omit<Choices, 'nodeName'>> {
  const source = await readFile(path, 'utf8').catch((error: Error) => {
    throw new UsageError(`--config: ${error.message}`);
  });
  return readConfiguration(source);
}

function fromFlags(given: Given): Omit<Choices, 'nodeName'> {
  const shared = {
    masqueradeBit: given['iptables-masquerade-bit'],
    masqueradeAll: given['masquerade-all'],
    syncPeriod: given['iptables-sync-period'],
    minSyncPeriod: given['iptables-min-sync-period'],
  };
  const configuration = configurationOf({
    clientConnection: {
      kubeconfig: given.kubeconfig,
      contentType: given['kube-api-content-type'],
      qps: given['kube-api-qps'],
      burst: given['kube-api-burst'],
    },
    configSyncPeriod: given['config-sync-period'],
    oomScoreAdj: given['oom-score-adj'],
    hostnameOverride: given['hostname-override'],
    bindAddress: given['bind-address'],
    bindAddressHardFail: given['bind-address-hard-fail'],
    healthzBindAddress: given['healthz-bind-address'],
    metricsBindAddress: given['metrics-bind-address'],
    mode: given['proxy-mode'],
    iptables: { ...shared, localhostNodePorts: given['iptables-localhost-nodeports'] },
    nftables: shared,
    detectLocalMode: given['detect-local-mode'],
    detectLocal: {
      bridgeInterface: given['pod-bridge-interface'],
      interfaceNamePrefix: given['pod-interface-name-prefix'],
    },
    clusterCIDR: given['cluster-cidr'],
    nodePortAddresses: given['nodeport-addresses'],
    conntrack: {
      maxPerCore: given['conntrack-max-per-core'],
      min: given['conntrack-min'],
      tcpEstablishedTimeout: given['conntrack-tcp-timeout-established'],
      tcpCloseWaitTimeout: given['conntrack-tcp-timeout-close-wait'],
      tcpBeLiberal: given['conntrack-tcp-be-liberal'],
      udpTimeout: given['conntrack-udp-timeout'],
      udpStreamTimeout: given['conntrack-udp-timeout-stream'],
    },
  });
  return { configuration, unknown: [] };
}
