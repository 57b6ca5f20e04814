// The program `vitrine proxy`: kube-proxy for one node.
import { hostname } from 'node:os';
import * as z from 'zod';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { RestClient } from '../client/rest.ts';
import { program } from '../host/program.ts';
import type { DetectLocal } from './plan.ts';
import { cleanup, defaultOptions, kernelFamilies, PROXY_MODES, type ProxyMode, runProxy } from './proxy.ts';

const LOCAL_MODES = ['ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix', 'None'] as const;
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean),
);

export const proxy = program({
  name: 'proxy',
  summary: 'kube-proxy: keeps the rules of one node as Services and EndpointSlices say',
  flags: {
    kubeconfig: { type: z.string().default(''), help: 'kubeconfig file of the API server to follow' },
    'proxy-mode': {
      type: z.enum(PROXY_MODES as [ProxyMode]).default('iptables'),
      help: 'iptables (default) or nftables',
    },
    'hostname-override': { type: z.string().default(hostname()), help: "name of this node; default: the host's name" },
    'cluster-cidr': {
      type: list.default([]),
      help: "CIDRs of the pods' addresses, one per family, with commas between",
    },
    'detect-local-mode': {
      type: z.enum(LOCAL_MODES).default('ClusterCIDR'),
      help: `how traffic is told to come from local pods: ${LOCAL_MODES.join(', ')}; default ClusterCIDR`,
    },
    'pod-bridge-interface': { type: z.string().default(''), help: 'the bridge of mode BridgeInterface' },
    'pod-interface-name-prefix': { type: z.string().default(''), help: 'the prefix of mode InterfaceNamePrefix' },
    'nodeport-addresses': {
      type: list.optional(),
      help: 'CIDRs whose addresses serve node ports, or primary; default: all (iptables), primary (nftables)',
    },
    'masquerade-all': {
      type: z.boolean().default(false),
      help: 'masquerade all traffic to cluster IPs',
      boolean: true,
    },
    'iptables-masquerade-bit': {
      type: z.coerce.number().int().min(0).max(31).default(14),
      help: 'bit of the packet mark that asks for masquerade; default 14',
    },
    'iptables-localhost-nodeports': {
      type: z.boolean().default(true),
      help: 'serve node ports on 127.0.0.1 too (iptables only); default true',
      boolean: true,
    },
    'sync-period': { type: z.coerce.number().positive().default(30), help: 'seconds between full syncs; default 30' },
    'healthz-bind-address': {
      type: z.string().default('0.0.0.0:10256'),
      help: "IP:PORT of /healthz and /livez; '' for none",
    },
    'metrics-bind-address': { type: z.string().default('127.0.0.1:10249'), help: "IP:PORT of /metrics; '' for none" },
    cleanup: { type: z.boolean().default(false), help: 'remove all rules of all modes, and end', boolean: true },
  },
  async run(flags, { signal, log }) {
    const mode = flags['proxy-mode'];
    if (flags.cleanup) {
      await cleanup(await kernelFamilies(mode));
      return 0;
    }
    const defaults = defaultOptions(flags['hostname-override'].toLowerCase(), mode);
    const client = new RestClient(await loadKubeconfig(flags.kubeconfig), { userAgent: 'kube-proxy' });
    await runProxy({
      client,
      mode,
      options: {
        ...defaults,
        clusterCIDRs: flags['cluster-cidr'],
        detectLocalMode: flags['detect-local-mode'] as DetectLocal['mode'],
        bridgeInterface: flags['pod-bridge-interface'] || undefined,
        interfaceNamePrefix: flags['pod-interface-name-prefix'] || undefined,
        nodePortAddresses: flags['nodeport-addresses'] ?? defaults.nodePortAddresses,
        masqueradeAll: flags['masquerade-all'],
        masqueradeBit: flags['iptables-masquerade-bit'],
        localhostNodePorts: flags['iptables-localhost-nodeports'] && defaults.localhostNodePorts,
      },
      syncPeriodMs: flags['sync-period'] * 1000,
      healthzBindAddress: flags['healthz-bind-address'],
      metricsBindAddress: flags['metrics-bind-address'],
      signal,
      log,
    });
    await client.close();
    return 0;
  },
});
