// Streams to a node's agent: log, exec, attach, port-forward, proxy. Not served yet; this is where they begin: find the pod,
// its node and the agent's address, and pass the stream on.
import { StatusError } from '../../../api/status.ts';
import { decodeStored } from '../codec.ts';
import { mustGet } from '../get.ts';
import type { Answer, Call, Registry } from '../registry.ts';

/** Throws 404 when the object or its node is not there, 400 for a pod without a node, and 501 for what is not served. */
export async function unavailable(registry: Registry, call: Call): Promise<Answer> {
  const object = decodeStored(call.kind, mustGet(registry, call.kind, call.namespace, call.name).value);
  const node = (object.spec as { nodeName?: string } | undefined)?.nodeName;
  if (call.kind.kind === 'Pod' && !node) {
    throw StatusError.badRequest(`pod ${call.name} does not have a host assigned`);
  }
  if (call.kind.kind === 'Pod' && node) mustGet(registry, registry.catalogue.byKind('', 'v1', 'Node')!, '', node);
  const message = `${call.kind.plural}/${call.subresource} is not served by this API server yet`;
  throw new StatusError(501, 'NotImplemented', message);
}
