import { describe, expect, it } from 'vitest';
import { generateName, validateMetadata, validateMetadataUpdate } from './metadata.ts';
import type { ObjectMeta } from './object.ts';

const configMap = { group: '', kind: 'ConfigMap', namespaced: true };
const errorsOf = (metadata: Partial<ObjectMeta>, kind = configMap): string[] =>
  validateMetadata(kind, { metadata: { name: 'x', namespace: 'n', ...metadata } }).map(
    ({ field, detail }) => `${field}: ${detail}`,
  );

describe('metadata', () => {
  it('is fine in the ordinary case', () => {
    expect(
      errorsOf({
        name: 'kube-root-ca.crt',
        labels: { 'app.kubernetes.io/name': 'web', empty: '' },
        annotations: { 'Example.com/Note': 'any text at all!' },
        finalizers: ['example.com/a', 'foregroundDeletion'],
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'u', controller: true }],
      }),
    ).toEqual([]);
  });

  it.each<[Partial<ObjectMeta>, string]>([
    [{ name: '' }, 'metadata.name: name or generateName is required'],
    [{ name: 'Settings' }, 'metadata.name: a lowercase RFC 1123 subdomain must consist'],
    [{ name: 'a'.repeat(254) }, 'metadata.name: must be no more than 253 characters'],
    [{ labels: { app: 'not ok!' } }, 'metadata.labels: a valid label must be an empty string'],
    [{ labels: { k: 'v'.repeat(64) } }, 'metadata.labels: must be no more than 63 bytes'],
    [{ labels: { 'bad key': 'v' } }, 'metadata.labels: name part must consist of alphanumeric characters'],
    [{ annotations: { '/x': 'v' } }, 'metadata.annotations: prefix part must be non-empty'],
    [{ annotations: { big: 'v'.repeat(262145) } }, 'metadata.annotations: may not be more than 262144 bytes'],
    [
      { finalizers: ['nodomain'] },
      'metadata.finalizers[0]: name is neither a standard finalizer name nor is it fully qualified',
    ],
    [
      { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: '', uid: 'u' }] },
      'metadata.ownerReferences.name: must not be empty',
    ],
  ])('%j', (metadata, words) => {
    const errors = errorsOf(metadata);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(words);
  });

  it('names kinds by their own rules', () => {
    const role = { group: 'rbac.authorization.k8s.io', kind: 'Role', namespaced: true };
    expect(errorsOf({ name: 'system:basic-user' }, role)).toEqual([]);
    expect(errorsOf({ name: 'a/b' }, role)).toEqual(["metadata.name: may not contain '/'"]);
    expect(errorsOf({ name: 'web.a' }, { group: '', kind: 'Service', namespaced: true })).toHaveLength(1);
    expect(errorsOf({ name: '1web' }, { group: '', kind: 'Service', namespaced: true })).toEqual([]);
  });

  it('keeps an identity', () => {
    const old = {
      metadata: { name: 'x', uid: '1', finalizers: ['example.com/a'], deletionTimestamp: '2026-01-01T00:00:00Z' },
    };
    expect(validateMetadataUpdate({ metadata: { ...old.metadata, uid: '2' } }, old).map(String)).toEqual([
      'metadata.uid: Invalid value: "2": field is immutable',
    ]);
    const late = { metadata: { ...old.metadata, finalizers: ['example.com/late'] } };
    expect(validateMetadataUpdate(late, old).map(String)).toEqual([
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/late"}',
    ]);
  });

  it('makes names that fit a label', () => {
    expect(generateName('web-', () => 0)).toBe('web-bbbbb');
    expect(generateName('w'.repeat(80), () => 1)).toHaveLength(63);
  });
});
