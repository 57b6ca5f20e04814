// Requests that are passed on to whoever is behind this server: which subresource is served by what.
import type { Kind } from '../../api/kind.ts';
import type { Exchange } from '../http/pipeline.ts';
import { methodNotAllowed } from '../registry/verbs.ts';
import type { Connector } from './connector.ts';
import { serveLog } from './log.ts';
import { serveNodeProxy, servePodProxy, serveServiceProxy } from './proxy.ts';
import { attach, exec, portForward } from './streams.ts';

const CONNECTORS: Readonly<Partial<Record<string, Connector>>> = {
  'pods/log': serveLog,
  'pods/exec': exec,
  'pods/attach': attach,
  'pods/portforward': portForward,
  'pods/proxy': servePodProxy,
  'services/proxy': serveServiceProxy,
  'nodes/proxy': serveNodeProxy,
};

/** Undefined for what this server answers by itself. Throws 405 for a method that the subresource does not have. */
export function connectorFor({ info }: Exchange, kind: Kind): Connector | undefined {
  if (kind.group !== '' || info.subresource === '') return undefined;
  const connector = CONNECTORS[`${kind.plural}/${info.subresource}`];
  const { verbs } = kind.subresources.get(info.subresource) ?? {};
  // A method without a verb of its own: what is proxied may have an answer.
  const isAllowed = info.method === 'OPTIONS' ? info.subresource === 'proxy' : verbs?.has(info.verb as 'get');
  if (connector && !isAllowed) throw methodNotAllowed();
  return connector;
}
