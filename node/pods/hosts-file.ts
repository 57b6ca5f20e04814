// A pod's name in its network and its /etc/hosts (upstream pkg/kubelet/kubelet_pods.go GeneratePodHostNameAndDomain,
// nodeHostsFileContent, managedHostsFileContent).
import type { HostAlias, Pod } from '../../api/types/core.v1.ts';

export interface PodHostname {
  /** What `hostname` says in its containers. */
  readonly hostname: string;
  /** `SUBDOMAIN.NAMESPACE.svc.DOMAIN`; '' of a pod without a subdomain. */
  readonly domain: string;
}

/** Linux: a host name has 64 bytes at most. */
const LONGEST = 64;

/** Throws when the pod wants its whole name as its host name and that is too long. */
export function podHostname(pod: Pod, clusterDomain: string): PodHostname {
  const { hostname: wanted, hostnameOverride, subdomain, setHostnameAsFQDN } = pod.spec ?? {};
  if (hostnameOverride) return { hostname: hostnameOverride, domain: '' };
  const short = (wanted || pod.metadata.name).slice(0, 63).replace(/[-.]+$/, '');
  const domain = subdomain ? `${subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}` : '';
  if (!setHostnameAsFQDN || !domain) return { hostname: short, domain };
  const whole = `${short}.${domain}`;
  if (whole.length > LONGEST) {
    throw new Error(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${whole} is too long (${LONGEST} characters is the max, ${whole.length} characters requested)`,
    );
  }
  return { hostname: whole, domain };
}

/** `nodeHosts` is the text of the node's own /etc/hosts, which a pod on the node's network sees. */
export function hostsFile(
  pod: Pod,
  { hostname, domain }: PodHostname,
  { podIPs, nodeHosts }: { podIPs: readonly string[]; nodeHosts: string },
): string {
  const { hostNetwork, hostAliases = [] } = pod.spec ?? {};
  const own = hostNetwork
    ? `# Kubernetes-managed hosts file (host network).\n${nodeHosts}`
    : managed(podIPs, domain ? `${short(hostname)}.${domain}\t${short(hostname)}` : hostname);
  return `${own}${aliasLines(hostAliases)}`;
}

function short(hostname: string): string {
  return hostname.split('.')[0];
}

function managed(podIPs: readonly string[], names: string): string {
  const lines = [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    ...podIPs.map((podIP) => `${podIP}\t${names}`),
  ];
  return `${lines.join('\n')}\n`;
}

function aliasLines(aliases: readonly HostAlias[]): string {
  if (aliases.length === 0) return '';
  const lines = aliases.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}\n`);
  return `\n# Entries added by HostAliases.\n${lines.join('')}`;
}
