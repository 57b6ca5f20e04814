import { describe, expect, it } from 'vitest';
import type { APIService, APIServiceSpec } from '../types/apiregistration.v1.ts';
import { apiService } from './apiservice.ts';

const here = { group: 'g.example', version: 'v1', groupPriorityMinimum: 20_000, versionPriority: 1000 };
const elsewhere = { ...here, service: { namespace: 'n', name: 's' } };

function problems(spec: APIServiceSpec, name = `${spec.version}.${spec.group ?? ''}`): string[] {
  const object: APIService = { metadata: { name }, spec };
  return apiService.validate!(object).map(({ field, detail }) => `${field}: ${detail}`);
}

describe('APIService', () => {
  it.each([
    [here],
    [{ ...here, group: undefined }],
    [elsewhere],
    [{ ...elsewhere, caBundle: 'AA==' }],
    [{ ...elsewhere, insecureSkipTLSVerify: true }],
  ])('takes %j', (spec) => {
    expect(problems(spec)).toEqual([]);
  });

  it.each([
    [
      { ...here, version: 'v2', group: undefined },
      'spec.group: only v1 may have an empty group and it better be legacy kube',
    ],
    [{ ...here, groupPriorityMinimum: 20_001 }, 'spec.groupPriorityMinimum: must be positive and less than 20000'],
    [{ ...here, versionPriority: 0 }, 'spec.versionPriority: must be positive and less than 1000'],
    [{ ...here, caBundle: 'AA==' }, 'spec.caBundle: local APIServices may not have a caBundle'],
    [
      { ...here, insecureSkipTLSVerify: true },
      'spec.insecureSkipTLSVerify: local APIServices may not have insecureSkipTLSVerify',
    ],
    [{ ...elsewhere, service: { namespace: 'n' } }, 'spec.service.name: '],
    [
      { ...elsewhere, caBundle: 'AA==', insecureSkipTLSVerify: true },
      'spec.insecureSkipTLSVerify: may not be true if caBundle is present',
    ],
  ])('refuses %j: %s', (spec, problem) => {
    expect(problems(spec)).toEqual([problem]);
  });

  it('is named after what it serves', () => {
    expect(problems(here, 'v2.g.example')).toEqual([
      'metadata.name: must be `spec.version+"."+spec.group`: "v1.g.example"',
    ]);
  });

  it('finds what is here available at once, and what is elsewhere by HTTPS', () => {
    const [local, remote]: APIService[] = [here, elsewhere].map((spec) => ({ metadata: { name: 'a' }, spec }));
    for (const one of [local, remote]) {
      apiService.default!(one);
      apiService.prepareForCreate!(one, { user: { name: 'u', groups: [] }, now: '2026-01-01T00:00:00Z' });
    }
    expect(local.status?.conditions).toMatchObject([{ type: 'Available', status: 'True', reason: 'Local' }]);
    expect([remote.status, remote.spec?.service?.port]).toEqual([undefined, 443]);
  });
});
