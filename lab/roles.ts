// The command line of every process of the lab.
import { join } from 'node:path';
import { inNetns, netnsPath } from '../host/netns.ts';
import { type Addresses, addressesOf } from './addresses.ts';
import type { ChildOptions } from './child.ts';
import { kubeconfigOf } from './credentials.ts';
import type { Directory, Settings } from './directory.ts';
import { egressConfigurationFile, egressFile } from './egress.ts';
import { BALANCER, nodeName, WIRE } from './network.ts';

/** In the lab's own /run: short enough for a socket's address wherever the lab's directory is. */
const API_SOCKET = '/run/apiserver.sock';
export const EGRESS_SOCKET = '/run/egress.sock';

export const APISERVER = 'apiserver';
export const FORWARDER = 'forwarder';
export const EGRESS = 'egress';
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
    'advertise-address': primary(settings).gateway,
    'service-cluster-ip-range': ofEach(settings, ({ services }) => services),
    'token-auth-file': directory.tokens,
    'write-kubeconfig': directory.kubeconfig,
    'egress-selector-config-file': egressConfigurationFile(directory),
    'metrics-api': 'true',
  };
  return role(options, APISERVER, [...vitrine, 'apiserver', ...words(flags)]);
}

/** In the gateway's namespace: the nodes' side of the API server's address. */
export function forwarderRole(options: RoleOptions): Role {
  const { directory, settings } = options;
  const argv = ['perl', forwarderFile(directory), primary(settings).gateway, String(settings.securePort), API_SOCKET];
  return role(options, FORWARDER, inNetns(netnsPath(WIRE), argv));
}

/** In the gateway's namespace: the API server's way to nodes and pods. */
export function egressRole(options: RoleOptions): Role {
  const gateways = addressesOf(options.settings.ipFamilies).map(({ gateway }) => gateway);
  const argv = ['perl', egressFile(options.directory), EGRESS_SOCKET, ...gateways];
  return role(options, EGRESS, inNetns(netnsPath(WIRE), argv));
}

/** Where the forwarder's program is before it is started. */
export const forwarderFile = (directory: Directory): string => join(directory.run, 'forwarder.pl');

const primary = ({ ipFamilies }: Settings): Addresses => addressesOf(ipFamilies)[0];

/** As flags take it: the primary family's first, a comma between. */
const ofEach = ({ ipFamilies }: Settings, what: (addresses: Addresses) => string): string =>
  addressesOf(ipFamilies).map(what).join(',');

export function controllersRole(options: RoleOptions): Role {
  // Shorter than upstream's 40 s and 5 s: nobody wants to wait that long in front of a screen.
  const flags = {
    kubeconfig: kubeconfigOf(options.directory, 'controllers'),
    'cluster-cidr': ofEach(options.settings, ({ pods }) => pods),
    'load-balancer-cidr': ofEach(options.settings, ({ loadBalancers }) => loadBalancers),
    'node-monitor-grace-period': '4s',
    'node-monitor-period': '500ms',
  };
  return role(options, CONTROLLERS, [...options.vitrine, 'lab', 'controllers', ...words(flags)]);
}

/** The cloud's load balancer, in its own namespace. */
export function balancerRole(options: RoleOptions): Role {
  const flags = {
    kubeconfig: kubeconfigOf(options.directory, 'balancer'),
    outside: ofEach(options.settings, ({ outside }) => outside),
  };
  const argv = [...options.vitrine, 'lab', 'balancer', ...words(flags)];
  return role(options, BALANCER, inNetns(netnsPath(BALANCER), argv));
}

/** A node's disk: what its agent keeps over restarts. */
export function nodeDirectory({ directory }: RoleOptions, index: number): string {
  return join(directory.nodes, nodeName(index));
}

/** Node agent and kube-proxy of one node, in the node's namespace. `index` counts from 1. */
export function machineRole(options: RoleOptions, index: number): Role {
  const { directory, settings, vitrine } = options;
  const name = nodeName(index);
  const flags = {
    kubeconfig: kubeconfigOf(directory, name),
    'node-name': name,
    'node-ip': ofEach(settings, ({ node }) => node(index)),
    'cluster-cidr': ofEach(settings, ({ pods }) => pods),
    'cluster-dns': primary(settings).clusterDNS,
    directory: nodeDirectory(options, index),
    'cluster-data': directory.data,
    'proxy-mode': settings.proxyMode,
    'pod-network': settings.podNetwork,
    'image-directory': directory.images,
    'stand-in-images': String(settings.standInImages ?? false),
  };
  const argv = [...vitrine, 'lab', 'machine', ...words(flags)];
  return role(options, name, inNetns(netnsPath(name), argv), NODE_RESTART_MS);
}

const words = (flags: Readonly<Record<string, string | number>>): string[] =>
  Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
