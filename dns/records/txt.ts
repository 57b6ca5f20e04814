// TXT records: the one there is tells the version of the specification.
import type { Host } from '../hosts.ts';
import { EMPTY, found, MISSING, type Resolution } from '../resolution.ts';
import { TYPE } from '../wire/constants.ts';

export const VERSION_LABEL = 'dns-version';
/** Of the Kubernetes DNS specification. */
const VERSION = '1.1.0';
const VERSION_TTL = 28_800;

export function texts(labels: readonly string[], hosts: readonly Host[] | undefined): Resolution {
  if (labels.length === 1 && labels[0] === VERSION_LABEL) {
    return found([{ type: TYPE.TXT, ttl: VERSION_TTL, text: VERSION }]);
  }
  return hosts === undefined ? MISSING : EMPTY;
}
