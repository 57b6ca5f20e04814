// Slices merged per Service, and what counts as a change of them.
import { describe, expect, it } from 'vitest';
import type { EndpointSlice } from '../../api/types/discovery.v1.ts';
import { EndpointSliceTracker } from './endpoint-slices.ts';

type SliceEndpoint = NonNullable<EndpointSlice['endpoints']>[number];

const slice = (name: string, endpoints: SliceEndpoint[], more: Partial<EndpointSlice> = {}): EndpointSlice => ({
  metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  endpoints,
  ...more,
});

const at = (ip: string, conditions?: SliceEndpoint['conditions']): SliceEndpoint => ({ addresses: [ip], conditions });

const found = (tracker: EndpointSliceTracker): string[] =>
  tracker
    .endpoints('default/web', 'http', 'TCP', 'IPv4')
    .map(({ ip, ready }) => `${ip} ${ready ? 'ready' : 'not ready'}`);

describe('an endpoint slice tracker', () => {
  it('merges slices in text order, and of duplicates keeps the ready one', () => {
    const tracker = new EndpointSliceTracker();
    tracker.set(slice('web-b', [at('10.0.0.9'), at('10.0.0.10', { ready: false })]));
    tracker.set(slice('web-a', [at('10.0.0.10'), at('10.0.0.9', { ready: false, serving: true })]));
    expect(found(tracker)).toEqual(['10.0.0.10 ready', '10.0.0.9 ready']);
    expect(tracker.take()).toEqual(['default/web']);
  });

  it('takes no notice of the same slice again', () => {
    const tracker = new EndpointSliceTracker();
    tracker.set(slice('web-a', [at('10.0.0.9')]));
    tracker.take();
    expect(tracker.set(slice('web-a', [at('10.0.0.9', { ready: true })]))).toBe(false);
    expect(tracker.take()).toEqual([]);
  });

  it('takes what is not told for granted: ready, serving as ready, not terminating', () => {
    const tracker = new EndpointSliceTracker();
    tracker.set(slice('web-a', [at('10.0.0.1'), at('10.0.0.2', { ready: false })]));
    const states = tracker.endpoints('default/web', 'http', 'TCP', 'IPv4');
    expect(states.map(({ ready, serving, terminating }) => [ready, serving, terminating])).toEqual([
      [true, true, false],
      [false, false, false],
    ]);
  });

  it('tells both Services when a slice changes hands', () => {
    const tracker = new EndpointSliceTracker();
    tracker.set(slice('web-a', [at('10.0.0.9')]));
    tracker.take();
    const metadata = { name: 'web-a', namespace: 'default', labels: { 'kubernetes.io/service-name': 'shop' } };
    expect(tracker.set(slice('web-a', [at('10.0.0.9')], { metadata }))).toBe(true);
    expect(tracker.take().sort()).toEqual(['default/shop', 'default/web']);
    expect(found(tracker)).toEqual([]);
  });

  it('forgets a deleted slice, once', () => {
    const tracker = new EndpointSliceTracker();
    tracker.set(slice('web-a', [at('10.0.0.9')]));
    expect(tracker.delete('default/web-a')).toBe(true);
    expect(tracker.delete('default/web-a')).toBe(false);
    expect(found(tracker)).toEqual([]);
  });

  it.each<[string, Partial<EndpointSlice>]>([
    ['names instead of addresses', { addressType: 'FQDN' }],
    ['of another family', { addressType: 'IPv6' }],
    ['for another port', { ports: [{ name: 'admin', port: 8080, protocol: 'TCP' }] }],
    ['without a port number', { ports: [{ name: 'http', protocol: 'TCP' }] }],
    ['of no Service', { metadata: { name: 'web-a', namespace: 'default' } }],
  ])('finds nothing in a slice %s', (_, more) => {
    const tracker = new EndpointSliceTracker();
    tracker.set(slice('web-a', [at('10.0.0.9')], more));
    expect(found(tracker)).toEqual([]);
  });
});
