// The ReplicationController controller: ReplicaSets as they were before they had a selector of expressions (upstream
// pkg/controller/replication).
import { labelSelectorOf } from '../api/selectors/labels.ts';
import { replicationControllers } from '../client/resources.ts';
import type { Controller, Environment } from './environment.ts';
import { replicasController } from './replicas.ts';

export function replicationController(environment: Environment): Controller {
  return replicasController(
    {
      name: 'replicationcontroller',
      resource: replicationControllers,
      selectorOf: ({ spec }) => labelSelectorOf({ matchLabels: spec!.selector }),
      countsTerminating: false,
    },
    environment,
  );
}
