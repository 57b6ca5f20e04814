// The IPAddress object that says which Service holds a cluster IP (networking.k8s.io/v1, upstream's ipallocator).
import { randomUUID } from 'node:crypto';
import type { Service } from '../../api/types/core.v1.ts';
import { rfc3339 } from '../../host/clock.ts';
import type { Op } from '../storage/store.ts';

export const ADDRESSES = 'networking.k8s.io/ipaddresses/';

/** Where the object of an address is stored. */
export const addressKey = (address: string): string => ADDRESSES + address;

/** The server owns what it writes here. */
const OWNER = {
  manager: 'kube-apiserver',
  operation: 'Update',
  apiVersion: 'networking.k8s.io/v1',
  fieldsType: 'FieldsV1',
  fieldsV1: {
    'f:metadata': {
      'f:labels': {
        '.': {},
        'f:ipaddress.kubernetes.io/ip-family': {},
        'f:ipaddress.kubernetes.io/managed-by': {},
      },
    },
    'f:spec': { 'f:parentRef': { '.': {}, 'f:name': {}, 'f:namespace': {}, 'f:resource': {} } },
  },
};

/** Refused by the store when the address has an object already. `now` in ms since the epoch. */
export function takeAddressOp(address: string, service: Service, now: number): Op {
  const { name, namespace } = service.metadata;
  const encode = (revision: number): Buffer =>
    Buffer.from(
      JSON.stringify({
        kind: 'IPAddress',
        apiVersion: 'networking.k8s.io/v1',
        metadata: {
          name: address,
          uid: randomUUID(),
          resourceVersion: String(revision),
          creationTimestamp: rfc3339(now),
          labels: {
            'ipaddress.kubernetes.io/ip-family': address.includes(':') ? 'IPv6' : 'IPv4',
            'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
          },
          managedFields: [{ ...OWNER, time: rfc3339(now) }],
        },
        spec: { parentRef: { resource: 'services', namespace, name } },
      }),
    );
  return { key: addressKey(address), expect: 0, value: encode };
}

export function releaseAddressOp(address: string): Op {
  return { key: addressKey(address) };
}
