// The flags that more than one of the lab's commands takes.
import * as z from 'zod';
import { MAX_NODES } from './network.ts';

export const nodesFlag = {
  type: z.coerce.number('a number of nodes').int('a whole number of nodes').min(1).max(MAX_NODES).default(3),
  help: `how many nodes, 1 to ${MAX_NODES} (default 3)`,
};

export const modeFlag = {
  type: z.enum(['iptables', 'nftables'], 'iptables or nftables').default('iptables'),
  help: "kube-proxy's way of programming the kernel: iptables (default) or nftables",
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
