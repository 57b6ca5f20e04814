// A pod's /etc/resolv.conf (upstream pkg/kubelet/network/dns/dns.go).
import type { Pod, PodDNSConfig } from '../../api/types/core.v1.ts';

export interface DNSOptions {
  readonly clusterDNS: string;
  readonly clusterDomain: string;
  /** The text of the node's own /etc/resolv.conf. */
  readonly nodeResolvConf: string;
}

interface Settings {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  /** As written: `ndots:5`. */
  readonly options: readonly string[];
}

/** What resolvers take, and upstream writes (pkg/apis/core/validation). */
const MOST_SERVERS = 3;
const MOST_SEARCHES = 32;
const MOST_SEARCH_CHARACTERS = 2048;

const NOTHING: Settings = { servers: [], searches: [], options: [] };

export function resolvConf(pod: Pod, options: DNSOptions): string {
  const { dnsConfig } = pod.spec ?? {};
  const base = baseOf(pod, options);
  if (base === 'of the node' && !dnsConfig) return options.nodeResolvConf;
  const settings = base === 'of the node' ? parse(options.nodeResolvConf) : base;
  return print(merge(settings, dnsConfig ?? {}));
}

function baseOf(pod: Pod, { clusterDNS, clusterDomain }: DNSOptions): Settings | 'of the node' {
  const { dnsPolicy = 'ClusterFirst', hostNetwork } = pod.spec ?? {};
  if (dnsPolicy === 'None') return NOTHING;
  if (dnsPolicy === 'Default' || (dnsPolicy === 'ClusterFirst' && hostNetwork)) return 'of the node';
  const namespace = pod.metadata.namespace ?? 'default';
  return {
    servers: [clusterDNS],
    searches: [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain],
    options: ['ndots:5'],
  };
}

/** resolv.conf(5): the last `search` or `domain` counts, options of all lines. */
function parse(text: string): Settings {
  const lines = text.split('\n').map((line) =>
    line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/),
  );
  const of = (...names: string[]): string[][] =>
    lines.filter(([name]) => names.includes(name)).map((words) => words.slice(1));
  return {
    servers: of('nameserver').flatMap(([server]) => server ?? []),
    searches: of('search', 'domain').at(-1) ?? [],
    options: of('options').flat(),
  };
}

/** The pod's own come last; an option of the same name replaces another. */
function merge(
  { servers, searches, options }: Settings,
  { nameservers = [], searches: more = [], options: own = [] }: PodDNSConfig,
): Settings {
  const byName = new Map(options.map((option) => [option.split(':')[0], option]));
  for (const { name, value } of own) if (name) byName.set(name, value === undefined ? name : `${name}:${value}`);
  return {
    servers: [...new Set([...servers, ...nameservers])],
    searches: [...new Set([...searches, ...more])],
    options: [...byName.values()],
  };
}

function print({ servers, searches, options }: Settings): string {
  const told = searches.slice(0, MOST_SEARCHES);
  while (told.join(' ').length > MOST_SEARCH_CHARACTERS) told.pop();
  return [
    ...(told.length > 0 ? [`search ${told.join(' ')}`] : []),
    ...servers.slice(0, MOST_SERVERS).map((server) => `nameserver ${server}`),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
    '',
  ].join('\n');
}
