// Where a node's agent is: by the addresses and the port that its Node object tells.
import { StatusError } from '../../api/status.ts';
import type { Node } from '../../api/types/core.v1.ts';
import type { Backend } from './backend.ts';
import { type ConnectContext, storedObject } from './connector.ts';

/** As kubeadm sets --kubelet-preferred-address-types. */
const PREFERRED = ['InternalIP', 'ExternalIP', 'Hostname'];
const KUBELET_PORT = 10250;

/** Throws 404 when there is no such node, 500 when it has told no address. */
export function nodeBackend({ registry, identity }: ConnectContext, nodeName: string): Backend {
  const { status } = storedObject<Node>(registry, 'Node', '', nodeName);
  const addresses = status?.addresses ?? [];
  const host = PREFERRED.map((type) => addresses.find((one) => one.type === type)?.address).find(Boolean);
  const known = addresses.map(({ type, address }) => `{${type} ${address}}`).join(' ');
  if (!host) throw new StatusError(500, '', `no preferred addresses found; known addresses: [${known}]`);
  return { host, port: status?.daemonEndpoints?.kubeletEndpoint?.Port || KUBELET_PORT, tls: identity };
}
