// What `kubectl get services` shows of a service.
import { ageOf } from '../age.ts';
import { formatLabelSelector } from '../selectors/labels.ts';
import type { Service, ServicePort } from '../types/core.v1.ts';

const NONE = '<none>';

export function serviceCells({ metadata, spec = {}, status }: Service, now: number): unknown[] {
  return [
    metadata.name,
    spec.type ?? '',
    spec.clusterIPs?.[0] ?? spec.clusterIP ?? NONE,
    externalIp(spec, status),
    formatPorts(spec.ports ?? []),
    ageOf(metadata.creationTimestamp, now),
    formatLabelSelector({ matchLabels: spec.selector }),
  ];
}

function externalIp(spec: NonNullable<Service['spec']>, status: Service['status']): string {
  const external = spec.externalIPs ?? [];
  if (spec.type === 'ExternalName') return spec.externalName ?? '';
  if (spec.type !== 'LoadBalancer') return external.join(',') || NONE;
  const ingress = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '');
  return [...ingress.filter(Boolean), ...external].join(',') || '<pending>';
}

function formatPorts(ports: readonly ServicePort[]): string {
  if (ports.length === 0) return NONE;
  const format = ({ port, nodePort, protocol }: ServicePort): string =>
    nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`;
  return ports.map(format).join(',');
}
