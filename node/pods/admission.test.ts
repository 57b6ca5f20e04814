import { expect, it } from 'vitest';
import type { PodSpec } from '../../api/types/core.v1.ts';
import { refusalOf, sysctlPath, unsupported } from './admission.ts';

const pod = (spec: Partial<PodSpec>) => ({ metadata: { name: 'p' }, spec: { containers: [], ...spec } });
const sysctls = (...names: string[]) => ({ securityContext: { sysctls: names.map((name) => ({ name, value: '1' })) } });

it.each([
  [{}, undefined],
  [{ os: { name: 'linux' } }, undefined],
  [{ os: { name: 'windows' } }, 'PodOSNotSupported'],
  [sysctls('kernel.shm_rmid_forced', 'net/ipv4/tcp_syncookies'), undefined],
  [sysctls('kernel.msgmax'), 'SysctlForbidden'],
  [{ hostNetwork: true, ...sysctls('net.ipv4.tcp_syncookies') }, 'SysctlForbidden'],
])('refuses %j: %s', (spec, reason) => {
  expect(refusalOf(pod(spec))?.reason).toBe(reason);
});

it('finds a sysctl by its name', () => {
  expect(sysctlPath('net.ipv4.tcp_rmem')).toBe('/proc/sys/net/ipv4/tcp_rmem');
});

it.each([
  [{}, []],
  [{ hostPID: true }, ['spec.hostPID']],
  [{ securityContext: { fsGroup: 5 } }, []],
  [{ securityContext: { runAsGroup: 5, supplementalGroups: [5] } }, []],
  [{ securityContext: { runAsGroup: 5, fsGroup: 6 } }, ['a second group besides 5']],
  [{ securityContext: { supplementalGroups: [7] } }, ['a second group besides 0']],
])('tells what %j asks for in vain', (spec, expected) => {
  expect(unsupported(pod(spec))).toEqual(expected);
});
