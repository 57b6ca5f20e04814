// DeviceClass of resource.k8s.io/v1: devices of one sort, chosen by an administrator (k8s.io/kubernetes v1.36 pkg/apis/resource).
import { type FieldError, invalid } from '../../field.ts';
import type { Rules } from '../../kind.ts';
import type { DeviceClass, DeviceClassConfiguration } from '../../types/resource.v1.ts';
import { countGeneration, startGeneration } from '../generation.ts';
import { isExtended } from '../resource-names.ts';
import { listOf, maybe } from '../rule-table.ts';
import { MAX_CONFIG, validateOpaque, validateSelectors } from './request.ts';

export const deviceClass: Rules<DeviceClass> = {
  deleteAnswersObject: true,
  prepareForCreate: startGeneration,

  prepareForUpdate(object, old) {
    countGeneration(object, old);
  },

  validate: ({ spec: { selectors, config, extendedResourceName } }) => [
    ...validateSelectors(selectors, 'spec.selectors'),
    ...listOf(configuration, { max: MAX_CONFIG })(config, 'spec.config'),
    ...maybe(extendedName)(extendedResourceName, 'spec.extendedResourceName'),
  ],
};

const configuration = ({ opaque }: DeviceClassConfiguration, field: string): FieldError[] =>
  validateOpaque(opaque, `${field}.opaque`);

const extendedName = (name: string, field: string): FieldError[] =>
  isExtended(name) ? [] : [invalid(field, name, 'must be a valid extended resource name')];
