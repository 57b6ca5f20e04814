// Which container of a pod a request means (kubernetes v1.36 pkg/registry/core/pod/strategy.go).
import { StatusError } from '../../api/status.ts';
import type { Pod } from '../../api/types/core.v1.ts';

/** The name asked for, or the pod's only container. Throws 400. */
export function chosenContainer({ metadata, spec }: Pod, asked: string): string {
  const containers = spec?.containers ?? [];
  const all = [...(spec?.initContainers ?? []), ...containers, ...(spec?.ephemeralContainers ?? [])].map(
    ({ name }) => name,
  );
  if (asked) {
    if (all.includes(asked)) return asked;
    throw StatusError.badRequest(`container ${asked} is not valid for pod ${metadata.name}`);
  }
  if (containers.length === 1) return containers[0].name;
  const choice = all.length > 0 ? `, choose one of: [${all.join(' ')}]` : '';
  throw StatusError.badRequest(`a container name must be specified for pod ${metadata.name}${choice}`);
}
