import { describe, expect, it } from 'vitest';
import type { Pod } from '../../api/types/core.v1.ts';
import { ConfigError, expand, podField } from './environment.ts';

it.each([
  ['$(A)-$(B)', 'one-two'],
  ['$(UNKNOWN)', '$(UNKNOWN)'],
  ['$$(A)', '$(A)'],
  ['$(A', '$(A'],
  ['$$$(A)', '$one'],
  ['$(toString)', '$(toString)'],
])('%s → %s', (text, expected) => {
  expect(expand(text, { A: 'one', B: 'two' })).toBe(expected);
});

describe('fields of the pod', () => {
  const pod: Pod = {
    metadata: { name: 'web', namespace: 'shop', uid: 'u', labels: { app: 'web' }, annotations: { 'a/b': 'c' } },
    spec: { nodeName: 'node-1', containers: [] },
  };
  const facts = { podIP: '10.244.1.2', hostIP: '192.168.1.10' };

  it.each([
    ['metadata.name', 'web'],
    ['metadata.namespace', 'shop'],
    ["metadata.labels['app']", 'web'],
    ["metadata.annotations['a/b']", 'c'],
    ["metadata.labels['absent']", ''],
    ['spec.nodeName', 'node-1'],
    ['spec.serviceAccountName', 'default'],
    ['status.podIP', '10.244.1.2'],
    ['status.hostIP', '192.168.1.10'],
  ])('%s is %s', (path, value) => {
    expect(podField(pod, path, facts)).toBe(value);
  });

  it('refuses what the downward API does not have', () => {
    expect(() => podField(pod, 'spec.containers', facts)).toThrow(ConfigError);
  });
});
