import { describe, expect, it } from 'vitest';
import { readRequestInfo } from './request-info.ts';

describe('readRequestInfo', () => {
  // biome-ignore format: a table of requests
  it.each([
    ['GET', '/api/v1/pods', { verb: 'list', group: '', resource: 'pods', namespace: '' }],
    ['GET', '/api/v1/namespaces/a/pods?watch', { verb: 'watch', resource: 'pods', namespace: 'a' }],
    ['GET', '/api/v1/namespaces/a/pods?watch=false', { verb: 'list' }],
    ['GET', '/api/v1/namespaces/a/pods/p?watch=true', { verb: 'get', name: 'p' }],
    ['GET', '/api/v1/namespaces/a', { verb: 'get', resource: 'namespaces', name: 'a', namespace: 'a' }],
    ['PUT', '/api/v1/namespaces/a/finalize', { verb: 'update', resource: 'namespaces', subresource: 'finalize' }],
    ['POST', '/apis/apps/v1/namespaces/a/deployments', { verb: 'create', group: 'apps', version: 'v1', resource: 'deployments' }],
    ['PATCH', '/apis/apps/v1/namespaces/a/deployments/d/scale', { verb: 'patch', name: 'd', subresource: 'scale' }],
    ['DELETE', '/api/v1/namespaces/a/pods', { verb: 'deletecollection' }],
    ['GET', '/api/v1/namespaces/a/services/s/proxy/x/y', { subresource: 'proxy', rest: 'x/y' }],
    ['GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode', { name: 'system:node' }],
    ['GET', '/api/v1/watch/namespaces/a/pods', { verb: 'watch', resource: 'pods', namespace: 'a' }],
    ['POST', '/api/v1/watch/pods', { resource: 'watch' }],
    ['GET', '/apis/apps/v1', { isResource: false, verb: 'get', path: '/apis/apps/v1' }],
    ['POST', '/healthz', { isResource: false, verb: 'post' }],
  ])('%s %s', (method, url, expected) => {
    expect(readRequestInfo(method, url)).toMatchObject(expected);
  });

  it('turns a watch of one object by its old path into one of the list', () => {
    const { verb, name, query } = readRequestInfo('GET', '/apis/apps/v1/watch/namespaces/a/deployments/d?limit=1');
    expect([verb, name, query.get('fieldSelector'), query.get('limit')]).toEqual(['watch', '', 'metadata.name=d', '1']);
  });

  it('throws for malformed escapes', () => {
    expect(() => readRequestInfo('GET', '/api/v1/%zz')).toThrow(URIError);
  });
});
