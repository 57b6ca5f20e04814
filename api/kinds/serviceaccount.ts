// ServiceAccount.
import { ageOf } from '../age.ts';
import type { Rules } from '../kind.ts';
import type { ServiceAccount } from '../types/core.v1.ts';

export const serviceAccount: Rules<ServiceAccount> = {
  deleteAnswersObject: true,

  cells: ({ metadata }, now) => [metadata.name, ageOf(metadata.creationTimestamp, now)],
};
