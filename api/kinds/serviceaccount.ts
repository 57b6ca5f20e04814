// ServiceAccount.
import { ageOf } from '../age.ts';
import type { Rules } from '../kind.ts';
import type { ServiceAccount } from '../types/core.v1.ts';

export const serviceAccount: Rules<ServiceAccount> = {
  deleteAnswersObject: true,

  prepareForCreate: keepNames,
  prepareForUpdate: keepNames,

  cells: ({ metadata }, now) => [metadata.name, ageOf(metadata.creationTimestamp, now)],
};

/** Its secrets are named, and nothing else is said of them. */
function keepNames(account: ServiceAccount): void {
  if (account.secrets) account.secrets = account.secrets.map(({ name }) => (name === undefined ? {} : { name }));
}
