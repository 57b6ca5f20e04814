// The variables that tell a container of the Services there are (upstream pkg/kubelet/envvars/envvars.go).
import type { Service } from '../../api/types/core.v1.ts';

/** A pod's own namespace's Services when it asks for links; the API server's (`kubernetes` in `default`) always. */
export function serviceEnvironment(
  services: readonly Service[],
  { namespace, enableServiceLinks }: { namespace: string; enableServiceLinks: boolean },
): Record<string, string> {
  const isMaster = ({ metadata }: Service): boolean =>
    metadata.name === 'kubernetes' && metadata.namespace === 'default';
  const chosen = new Map<string, Service>();
  for (const service of services) {
    if (!service.spec?.clusterIP || service.spec.clusterIP === 'None') continue;
    const isOwn = enableServiceLinks && service.metadata.namespace === namespace;
    if (isOwn || (isMaster(service) && !chosen.has('kubernetes'))) chosen.set(service.metadata.name, service);
  }
  return Object.assign({}, ...[...chosen.values()].map(variablesOf));
}

function variablesOf({ metadata, spec }: Service): Record<string, string> {
  const prefix = upper(metadata.name);
  const ip = spec!.clusterIP!;
  const ports = spec!.ports ?? [];
  const result: Record<string, string> = { [`${prefix}_SERVICE_HOST`]: ip };
  if (ports.length === 0) return result;
  result[`${prefix}_SERVICE_PORT`] = `${ports[0].port}`;
  for (const { name, port } of ports) if (name) result[`${prefix}_SERVICE_PORT_${upper(name)}`] = `${port}`;
  ports.forEach(({ port, protocol = 'TCP' }, index) => {
    const url = `${protocol.toLowerCase()}://${ip}:${port}`;
    const link = `${prefix}_PORT_${port}_${protocol}`;
    if (index === 0) result[`${prefix}_PORT`] = url;
    Object.assign(result, {
      [link]: url,
      [`${link}_PROTO`]: protocol.toLowerCase(),
      [`${link}_PORT`]: `${port}`,
      [`${link}_ADDR`]: ip,
    });
  });
  return result;
}

function upper(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}
