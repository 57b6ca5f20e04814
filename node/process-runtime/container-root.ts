// What a container sees as its file system: a tmpfs with the image's contents bound in, and the files every pod gets.
import type { ImageContents } from '../images/image.ts';
import type { Sandbox } from '../runtime.ts';
import type { Order } from './orders.ts';

const FOLDERS: readonly (readonly [string, string])[] = [
  ['/opt', '755'],
  ['/proc', '755'],
  ['/dev', '755'],
  ['/dev/pts', '755'],
  ['/dev/shm', '1777'],
  ['/etc', '755'],
  ['/home', '755'],
  ['/root', '700'],
  ['/run', '755'],
  ['/tmp', '1777'],
  ['/var', '755'],
  ['/var/log', '755'],
  ['/var/tmp', '1777'],
];
const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];
const DEVICE_LINKS: readonly (readonly [string, string])[] = [
  ['/proc/self/fd', '/dev/fd'],
  ['/proc/self/fd/0', '/dev/stdin'],
  ['/proc/self/fd/1', '/dev/stdout'],
  ['/proc/self/fd/2', '/dev/stderr'],
];

/** The orders that make the root of one container in `sandbox`. */
export function rootOrders({ binds, links }: ImageContents, sandbox: Sandbox): Order[] {
  return [
    ...FOLDERS.map(([path, mode]): Order => ['dir', path, mode]),
    ...DEVICES.map((name): Order => ['device', `/dev/${name}`, `/dev/${name}`]),
    ...[...DEVICE_LINKS, ...links].map(([target, path]): Order => ['link', target, path]),
    ...binds.map(({ from, to }): Order => ['bind', from, to]),
    ...etcFiles(sandbox).map(([path, text]): Order => ['file', path, text]),
  ];
}

/** /etc as the kubelet writes it (pkg/kubelet/kubelet_pods.go nodeHostsFileContent, managedHostsFileContent). */
function etcFiles({ hostname, podIP, resolvConf }: Sandbox): [string, string][] {
  const hosts = [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    `${podIP}\t${hostname}`,
  ];
  return [
    ['/etc/hosts', `${hosts.join('\n')}\n`],
    ['/etc/hostname', `${hostname}\n`],
    ['/etc/resolv.conf', resolvConf],
    ['/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'],
    ['/etc/group', 'root:x:0:\n'],
    ['/etc/nsswitch.conf', 'hosts: files dns\n'],
  ];
}
