// The ReplicaSet controller (upstream pkg/controller/replicaset).
import { labelSelectorOf } from '../api/selectors/labels.ts';
import { replicaSets } from '../client/resources.ts';
import type { Controller, Environment } from './environment.ts';
import { replicasController } from './replicas.ts';

export function replicaSetController(environment: Environment): Controller {
  return replicasController(
    {
      name: 'replicaset',
      resource: replicaSets,
      selectorOf: ({ spec }) => labelSelectorOf(spec!.selector),
      countsTerminating: true,
    },
    environment,
  );
}
