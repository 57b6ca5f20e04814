// The flags that more than one of the lab's commands takes.
import * as z from 'zod';
import { MAX_NODES } from './network.ts';

const RANGE = `a lab has 1 to ${MAX_NODES} nodes`;

export const nodesFlag = {
  type: z.coerce.number(RANGE).int(RANGE).min(1, RANGE).max(MAX_NODES, RANGE).default(3),
  help: `how many nodes, 1 to ${MAX_NODES} (default 3)`,
};

export const modeFlag = {
  type: z.enum(['iptables', 'nftables'], 'iptables or nftables').default('iptables'),
  help: "kube-proxy's way of programming the kernel: iptables (default) or nftables",
};

export const podNetworkFlag = {
  type: z.enum(['routes', 'vxlan'], 'routes or vxlan').default('routes'),
  help: "how packets reach other nodes' pods: routes (default), or vxlan: inside packets between the nodes",
};

export const familiesFlag = {
  type: z.enum(['ipv4', 'ipv6', 'dual'], 'ipv4, ipv6 or dual').default('ipv4'),
  help: 'addresses of nodes, pods and Services: ipv4 (default), ipv6, or dual: of both',
};

export const standInFlag = {
  type: z.boolean().default(false),
  boolean: true,
  help: 'run echo in place of images that do not exist, instead of refusing them',
};

export const portFlag = {
  type: z.coerce
    .number('a port')
    .int('a port')
    .min(1024, 'a port from 1024 on')
    .max(65_535, 'a port up to 65535')
    .optional(),
  help: "the API server's port on this machine's loopback (default: a free one, kept for later starts)",
};
