// PodTemplate.
import type { Rules } from '../kind.ts';
import type { PodTemplate } from '../types/core.v1.ts';
import { countGeneration, startGeneration } from './generation.ts';
import { defaultPodSpec } from './pod/pod-defaults.ts';
import { validatePodTemplate } from './pod/pod-validation.ts';
import { containerCells } from './workload-cells.ts';

export const podTemplate: Rules<PodTemplate> = {
  deleteAnswersObject: true,

  default({ template }) {
    if (template?.spec) defaultPodSpec(template.spec);
  },

  prepareForCreate: startGeneration,

  prepareForUpdate(object, old) {
    countGeneration(object, old, ['template']);
  },

  validate: ({ template }) => validatePodTemplate(template ?? {}, 'template'),

  cells({ metadata, template }) {
    const labels = Object.entries(template?.metadata?.labels ?? {}).map(([key, value]) => `${key}=${value}`);
    return [metadata.name, ...containerCells(template?.spec), labels.sort().join(',') || '<none>'];
  },
};
