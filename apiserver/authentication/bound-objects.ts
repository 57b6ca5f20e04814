// A token is worth as much as what it is bound to: it ends with its account, and with its pod, secret or node
// (k8s.io/kubernetes v1.36 pkg/serviceaccount/claims.go).
import type { AnyObject } from '../../api/object.ts';
import type { Clock } from '../../host/clock.ts';
import type { Store } from '../storage/store.ts';
import { TokenError } from './authenticate.ts';
import type { TokenSubject } from './service-account-tokens.ts';

/** ms for which what is being deleted still counts: clocks differ, and its last requests should succeed. */
const LEEWAY_MS = 60_000;
const INVALIDATED = 'service account token has been invalidated';

/** Answers a function that throws TokenError, in upstream's words, when something a token is bound to is gone. */
export function boundObjects(store: Pick<Store, 'get'>, clock: Clock): (subject: TokenSubject) => void {
  const find = (key: string): AnyObject | undefined => {
    const entry = store.get(key);
    return entry && (JSON.parse(entry.value.toString()) as AnyObject);
  };
  const isLeaving = ({ metadata: { deletionTimestamp } }: AnyObject): boolean =>
    deletionTimestamp !== undefined && Date.parse(deletionTimestamp) < clock.now() - LEEWAY_MS;

  return ({ namespace, serviceaccount, pod, secret, node }) => {
    const account = find(`/serviceaccounts/${namespace}/${serviceaccount.name}`);
    if (!account) throw new TokenError(`serviceaccounts "${serviceaccount.name}" not found`);
    if (isLeaving(account)) {
      throw new TokenError(`service account ${namespace}/${serviceaccount.name} has been deleted`);
    }
    if (account.metadata.uid !== serviceaccount.uid) {
      const why = `service account UID (${account.metadata.uid}) does not match claim (${serviceaccount.uid})`;
      throw new TokenError(why);
    }
    const bound = [
      { what: 'secret', ref: secret, key: `/secrets/${namespace}/${secret?.name}` },
      { what: 'pod', ref: pod, key: `/pods/${namespace}/${pod?.name}` },
      // The node of a pod's token says where the pod ran, and may go before it.
      { what: 'node', ref: pod ? undefined : node, key: `/nodes/${node?.name}` },
    ];
    for (const { what, ref, key } of bound) {
      if (!ref) continue;
      const object = find(key);
      if (!object || isLeaving(object)) throw new TokenError(INVALIDATED);
      if (object.metadata.uid === ref.uid) continue;
      const why = `${what} UID (${object.metadata.uid}) does not match service account ${what} ref claim (${ref.uid})`;
      throw new TokenError(why);
    }
  };
}
