// A pod's /etc/resolv.conf (upstream pkg/kubelet/network/dns/dns.go).
import type { Pod } from '../../api/types/core.v1.ts';

export interface DNSOptions {
  readonly clusterDNS: string;
  readonly clusterDomain: string;
  /** The text of the node's own /etc/resolv.conf. */
  readonly nodeResolvConf: string;
}

export function resolvConf(pod: Pod, { clusterDNS, clusterDomain, nodeResolvConf }: DNSOptions): string {
  const { dnsPolicy = 'ClusterFirst', hostNetwork, dnsConfig } = pod.spec ?? {};
  const ofNode = dnsPolicy === 'Default' || (dnsPolicy === 'ClusterFirst' && hostNetwork);
  if (ofNode && !dnsConfig) return nodeResolvConf;
  const namespace = pod.metadata.namespace ?? 'default';
  const clusterFirst = !ofNode && dnsPolicy !== 'None';
  const base = clusterFirst
    ? {
        servers: [clusterDNS],
        searches: [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain],
        options: ['ndots:5'],
      }
    : { servers: [], searches: [], options: [] };
  const options = new Map<string, string>(base.options.map((option) => [option.split(':')[0], option]));
  for (const { name, value } of dnsConfig?.options ?? []) {
    if (name) options.set(name, value === undefined ? name : `${name}:${value}`);
  }
  const servers = [...new Set([...base.servers, ...(dnsConfig?.nameservers ?? [])])];
  const searches = [...new Set([...base.searches, ...(dnsConfig?.searches ?? [])])];
  return [
    ...(searches.length > 0 ? [`search ${searches.join(' ')}`] : []),
    ...servers.map((server) => `nameserver ${server}`),
    ...(options.size > 0 ? [`options ${[...options.values()].join(' ')}`] : []),
    ...(ofNode ? [nodeResolvConf.trimEnd()] : []),
    '',
  ].join('\n');
}
