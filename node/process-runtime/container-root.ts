// What a container sees as its file system: a tmpfs with the image's contents bound in, and the files every pod gets.
import type { ImageContents } from '../images/image.ts';
import type { Mount, Sandbox, Security } from '../runtime.ts';
import { keptCapabilities } from './capabilities.ts';
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
const BARE_FILES: [string, string][] = [
  ['/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'],
  ['/etc/group', 'root:x:0:\nnogroup:x:65534:\n'],
  ['/etc/nsswitch.conf', 'hosts: files dns\n'],
];

/** The orders that make the root of one container in `sandbox`. */
export function rootOrders({ base, binds, links }: ImageContents, sandbox: Sandbox): Order[] {
  return [
    ...(base === undefined ? [] : [['base', base] as const]),
    ...FOLDERS.map(([path, mode]): Order => ['dir', path, mode]),
    ...DEVICES.map((name): Order => ['device', `/dev/${name}`, `/dev/${name}`]),
    ...[...DEVICE_LINKS, ...links].map(([target, path]): Order => ['link', target, path]),
    ...binds.map(({ from, to }): Order => ['bind', from, to]),
    ...etcFiles(sandbox, base === undefined).map(([path, text]): Order => ['file', path, text]),
  ];
}

/** Outer ones first, so that one mounted inside another is seen. */
export function mountOrders(mounts: readonly Mount[]): Order[] {
  const depth = ({ to }: Mount): number => to.split('/').filter(Boolean).length;
  return [...mounts]
    .sort((a, b) => depth(a) - depth(b))
    .map(({ from, to, readOnly }): Order => [readOnly ? 'bind' : 'mount', from, to]);
}

/** `imageUser` is what the image says of its user, resolved to numbers (`UID[:GID]`). */
export function securityOrders(security: Security | undefined, imageUser: string | undefined): Order[] {
  const [imageUID, imageGID] = (imageUser ?? '').split(':');
  const uid = security?.uid ?? (Number(imageUID) || undefined);
  const gid = security?.gid ?? (Number(imageGID) || undefined);
  return [
    ['keep', keptCapabilities(security).join(',')],
    ...(uid ? [['uid', `${uid}`] as const] : []),
    ...(gid ? [['gid', `${gid}`] as const] : []),
    ...(security?.noNewPrivileges ? [['nonew', '1'] as const] : []),
    ...(security?.readOnlyRoot ? [['readonly', '1'] as const] : []),
  ];
}

/** What every pod gets; an image of its own has its own users. */
function etcFiles({ hostname, hosts, resolvConf }: Sandbox, isBare: boolean): [string, string][] {
  return [
    ['/etc/hosts', hosts],
    ['/etc/hostname', `${hostname}\n`],
    ['/etc/resolv.conf', resolvConf],
    ...(isBare ? BARE_FILES : []),
  ];
}
