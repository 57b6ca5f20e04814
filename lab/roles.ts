// The command line of every process of the lab.
import { join } from 'node:path';
import { inNetns, netnsPath } from '../host/netns.ts';
import type { ChildOptions } from './child.ts';
import { kubeconfigOf } from './credentials.ts';
import type { Directory, Settings } from './directory.ts';
import { CLUSTER_CIDR, GATEWAY_IP, nodeIP, nodeName, WIRE } from './network.ts';

/** In the lab's own /run: short enough for a socket's address wherever the lab's directory is. */
const API_SOCKET = '/run/apiserver.sock';

export const APISERVER = 'apiserver';
export const FORWARDER = 'forwarder';
export const CONTROLLERS = 'controllers';

/** A node's process that died stays away this long, as kubeadm's kubelet unit does (10 s), so that the cluster notices. */
const NODE_RESTART_MS = 8_000;
const RESTART_MS = 100;

export type Role = Pick<ChildOptions, 'name' | 'argv' | 'logFile' | 'restartAfterMs'>;

export interface RoleOptions {
  directory: Directory;
  settings: Settings;
  /** How this program runs one of its own: `[node, bin/vitrine]`. */
  vitrine: readonly string[];
}

function role(options: RoleOptions, name: string, argv: readonly string[], restartAfterMs = RESTART_MS): Role {
  return { name, argv, logFile: join(options.directory.logs, `${name}.log`), restartAfterMs };
}

export function apiserverRole(options: RoleOptions): Role {
  const { directory, settings, vitrine } = options;
  const flags = {
    'data-dir': directory.data,
    'secure-port': settings.securePort,
    'unix-socket': API_SOCKET,
    'advertise-address': GATEWAY_IP,
    'token-auth-file': directory.tokens,
    'write-kubeconfig': directory.kubeconfig,
  };
  return role(options, APISERVER, [...vitrine, 'apiserver', ...words(flags)]);
}

/** In the gateway's namespace: the nodes' side of the API server's address. */
export function forwarderRole(options: RoleOptions): Role {
  const flags = { listen: `${GATEWAY_IP}:${options.settings.securePort}`, to: API_SOCKET };
  const argv = [...options.vitrine, 'lab', 'forward', ...words(flags)];
  return role(options, FORWARDER, inNetns(netnsPath(WIRE), argv));
}

export function controllersRole(options: RoleOptions): Role {
  // Shorter than upstream's 40 s and 5 s: nobody wants to wait that long in front of a screen.
  const flags = {
    kubeconfig: kubeconfigOf(options.directory, 'controllers'),
    'cluster-cidr': CLUSTER_CIDR,
    'node-monitor-grace-period': '4s',
    'node-monitor-period': '500ms',
  };
  return role(options, CONTROLLERS, [...options.vitrine, 'controllers', ...words(flags)]);
}

/** Node agent and kube-proxy of one node, in the node's namespace. `index` counts from 1. */
export function machineRole(options: RoleOptions, index: number): Role {
  const { directory, settings, vitrine } = options;
  const name = nodeName(index);
  const flags = {
    kubeconfig: kubeconfigOf(directory, name),
    'node-name': name,
    'node-ip': nodeIP(index),
    directory: join(directory.nodes, name),
    'proxy-mode': settings.proxyMode,
  };
  const argv = [...vitrine, 'lab', 'machine', ...words(flags)];
  return role(options, name, inNetns(netnsPath(name), argv), NODE_RESTART_MS);
}

const words = (flags: Readonly<Record<string, string | number>>): string[] =>
  Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
