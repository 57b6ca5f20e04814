// What counts as a change of a Service, and which Services are not the proxy's.
import { describe, expect, it } from 'vitest';
import type { Service } from '../../api/types/core.v1.ts';
import { ServiceTracker } from './services.ts';

const service = (spec: Service['spec'] = {}, metadata: Partial<Service['metadata']> = {}): Service => ({
  metadata: { name: 'web', namespace: 'default', ...metadata },
  spec: { clusterIP: '10.96.0.20', ports: [{ port: 80 }], ...spec },
});

describe('a service tracker', () => {
  it('tells each changed Service once', () => {
    const tracker = new ServiceTracker();
    expect(tracker.set(service())).toBe(true);
    expect(tracker.set(service({ ports: [{ port: 81 }] }))).toBe(true);
    expect(tracker.take()).toEqual(['default/web']);
    expect(tracker.take()).toEqual([]);
  });

  it('takes no notice of what the proxy does not read', () => {
    const tracker = new ServiceTracker();
    tracker.set(service());
    tracker.take();
    const same = service({}, { resourceVersion: '9', labels: { tier: 'front' }, annotations: { note: 'x' } });
    expect(tracker.set(same)).toBe(false);
    expect(tracker.take()).toEqual([]);
  });

  it.each<[string, Service]>([
    ['headless', service({ clusterIP: 'None' })],
    ['without a cluster IP yet', service({ clusterIP: '' })],
    ['an external name', service({ type: 'ExternalName' })],
    ['labelled headless', service({}, { labels: { 'service.kubernetes.io/headless': '' } })],
    ['of another proxy', service({}, { labels: { 'service.kubernetes.io/service-proxy-name': 'other' } })],
  ])('lets go of a Service that becomes %s', (_, other) => {
    const tracker = new ServiceTracker();
    expect(tracker.set(other)).toBe(false);
    tracker.set(service());
    tracker.take();
    expect(tracker.set(other)).toBe(true);
    expect(tracker.get('default/web')).toBeUndefined();
    expect(tracker.take()).toEqual(['default/web']);
  });

  it('tells of a deletion once', () => {
    const tracker = new ServiceTracker();
    tracker.set(service());
    expect(tracker.delete('default/web')).toBe(true);
    expect(tracker.delete('default/web')).toBe(false);
  });
});
