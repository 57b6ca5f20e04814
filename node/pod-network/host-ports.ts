// Ports of the node that lead to pods (`hostPort`): the CNI portmap plugin's place. A table of its own in nftables, which always says
// all of them, so that nothing is left behind.
import { isIP, isIPv6 } from 'node:net';
import type { Pod } from '../../api/types/core.v1.ts';
import { check, type Exec } from '../../host/exec.ts';

const TABLE = 'vitrine-host-ports';

export interface HostPort {
  /** Absent: every address of the node. */
  readonly hostIP?: string;
  readonly hostPort: number;
  readonly protocol: 'tcp' | 'udp';
  readonly podIP: string;
  readonly containerPort: number;
}

/** Those of a pod that has a network of its own: for each of its addresses, the ports that the family has. */
export function hostPortsOf(pod: Pod, podIPs: readonly string[]): HostPort[] {
  if (pod.spec?.hostNetwork) return [];
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  return containers.flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, hostIP, containerPort, protocol = 'TCP' }) => {
      if (!hostPort || (protocol !== 'TCP' && protocol !== 'UDP')) return [];
      const isAny = !hostIP || hostIP === '0.0.0.0' || hostIP === '::';
      const at = { hostPort, containerPort, protocol: protocol.toLowerCase() as 'tcp' | 'udp' };
      return podIPs
        .filter((podIP) => isAny || isIPv6(hostIP) === isIPv6(podIP))
        .map((podIP) => ({ ...at, podIP, ...(!isAny && { hostIP }) }));
    }),
  );
}

/**
 * Before kube-proxy's chains, which have -100 and 100. The text `nft -f -` gets: a whole table of each family, replaced in one step.
 * Throws on what is no address or port.
 */
export function renderHostPorts(ports: readonly HostPort[]): string {
  for (const { hostIP, hostPort, podIP, containerPort } of ports) {
    const isGood = [podIP, hostIP ?? podIP].every((ip) => isIP(ip) !== 0 && isIPv6(ip) === isIPv6(podIP));
    if (!isGood || ![hostPort, containerPort].every((one) => one > 0 && one < 65_536)) {
      throw new Error(`not a host port: ${hostIP ?? ''}:${hostPort} to ${podIP}:${containerPort}`);
    }
  }
  const isOfV6 = ({ podIP }: HostPort): boolean => isIPv6(podIP);
  return (
    renderFamily(
      'ip',
      ports.filter((port) => !isOfV6(port)),
    ) + renderFamily('ip6', ports.filter(isOfV6))
  );
}

function renderFamily(ip: 'ip' | 'ip6', ports: readonly HostPort[]): string {
  const replaced = `add table ${ip} ${TABLE}\ndelete table ${ip} ${TABLE}\n`;
  if (ports.length === 0) return replaced;
  const rules = ports.map(({ hostIP, hostPort, protocol, podIP, containerPort }) => {
    const from = hostIP ? `${ip} daddr ${hostIP}` : 'fib daddr type local';
    const to = ip === 'ip' ? podIP : `[${podIP}]`;
    return `    ${from} ${protocol} dport ${hostPort} dnat to ${to}:${containerPort}\n`;
  });
  // A pod that asks for itself by its node's port, and the node itself by its loopback, must be answered through the node.
  const loopback = ip === 'ip' ? '127.0.0.0/8' : '::1';
  const back = [...new Set(ports.map(({ podIP }) => podIP))].map(
    (pod) => `    ct status dnat ${ip} saddr { ${pod}, ${loopback} } ${ip} daddr ${pod} masquerade\n`,
  );
  return `${replaced}table ${ip} ${TABLE} {
  chain ports {
${rules.join('')}  }
  chain prerouting {
    type nat hook prerouting priority -105; policy accept;
    jump ports
  }
  chain output {
    type nat hook output priority -105; policy accept;
    jump ports
  }
  chain postrouting {
    type nat hook postrouting priority 95; policy accept;
${back.join('')}  }
}
`;
}

export class HostPorts {
  readonly #byPod = new Map<string, readonly HostPort[]>();
  readonly #exec: Exec;
  #last: Promise<void> = Promise.resolve();
  #written: string | undefined = renderHostPorts([]);

  constructor(exec: Exec = check) {
    this.#exec = exec;
  }

  /** From now on these are the pod's. Resolves when the kernel knows. */
  async set(podUID: string, ports: readonly HostPort[]): Promise<void> {
    if (ports.length === 0 && !this.#byPod.has(podUID)) return;
    if (ports.length === 0) this.#byPod.delete(podUID);
    else this.#byPod.set(podUID, ports);
    this.#last = this.#last.catch(() => {}).then(() => this.#write()); // a failure was told to whoever caused it
    await this.#last;
  }

  /** Takes away what an earlier agent left of pods that are no more. */
  async refresh(): Promise<void> {
    this.#written = undefined;
    this.#last = this.#last.catch(() => {}).then(() => this.#write()); // as above
    await this.#last;
  }

  async #write(): Promise<void> {
    const text = renderHostPorts([...this.#byPod.values()].flat());
    if (text === this.#written) return;
    await this.#exec(['nft', '-f', '-'], { input: text });
    this.#written = text;
  }
}
