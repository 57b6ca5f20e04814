// exec, attach and portforward: conversations that the agent of the pod's node holds, over SPDY or WebSocket as the client likes. This
// server asks the agent the same way and joins the two connections (kubernetes v1.36 pkg/registry/core/pod/rest/subresources.go).
import { StatusError } from '../../api/status.ts';
import type { Pod } from '../../api/types/core.v1.ts';
import { refusal } from '../authorization/authorizer.ts';
import type { Exchange } from '../http/pipeline.ts';
import { attributesOf } from '../http/pipeline.ts';
import { type ConnectContext, type Connector, storedObject } from './connector.ts';
import { chosenContainer } from './containers.ts';
import { isSet } from './log.ts';
import { nodeBackend } from './node-backend.ts';
import { passUpgrade } from './upgrade.ts';

export const exec: Connector = (exchange, _kind, context) => command('exec', exchange, context);
export const attach: Connector = (exchange, _kind, context) => command('attach', exchange, context);

export const portForward: Connector = async (exchange, _kind, context) => {
  authorizeCreate(exchange, context);
  const { info } = exchange;
  const pod = storedObject<Pod>(context.registry, 'Pod', info.namespace, info.name);
  const ports = info.query.getAll('ports').flatMap((value) => value.split(','));
  const query = ports.length > 0 ? `?${new URLSearchParams({ port: ports.join(',') })}` : '';
  const backend = nodeBackend(context, nodeOf(pod));
  return passUpgrade(exchange, { backend, path: `/portForward/${info.namespace}/${info.name}${query}` }, context);
};

async function command(verb: 'exec' | 'attach', exchange: Exchange, context: ConnectContext): Promise<number> {
  authorizeCreate(exchange, context);
  const { info } = exchange;
  const pod = storedObject<Pod>(context.registry, 'Pod', info.namespace, info.name);
  const container = chosenContainer(pod, info.query.get('container') ?? '');
  const backend = nodeBackend(context, nodeOf(pod));
  const path = `/${verb}/${info.namespace}/${info.name}/${container}?${agentQuery(verb, info.query)}`;
  return passUpgrade(exchange, { backend, path }, context);
}

function nodeOf({ metadata, spec }: Pod): string {
  if (spec?.nodeName) return spec.nodeName;
  throw StatusError.badRequest(`pod ${metadata.name} does not have a host assigned`);
}

/** The agent's names for what is asked. */
function agentQuery(verb: 'exec' | 'attach', query: URLSearchParams): URLSearchParams {
  const asked = new URLSearchParams();
  const names = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' };
  for (const [name, theirs] of Object.entries(names)) if (isSet(query.get(name))) asked.set(theirs, '1');
  if (verb === 'exec') for (const word of query.getAll('command')) asked.append('command', word);
  return asked;
}

/** WebSockets begin with GET, but whoever may only read must not run commands. Throws 403. */
function authorizeCreate({ info, user }: Exchange, { registry }: ConnectContext): void {
  const attributes = { ...attributesOf(info, user), verb: 'create' };
  const decision = registry.authorizer(attributes);
  if (!decision.allowed) throw refusal(attributes, decision.reason);
}
