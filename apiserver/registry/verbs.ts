// From a verb and a resource to the function that serves it.
import { StatusError } from '../../api/status.ts';
import { create } from './create.ts';
import { remove } from './delete.ts';
import { deleteCollection } from './deletecollection.ts';
import { get } from './get.ts';
import { list } from './list.ts';
import { patch } from './patch.ts';
import type { Call, Handler } from './registry.ts';
import { REVIEWS } from './reviews.ts';
import { bind } from './subresources/binding.ts';
import { SUBRESOURCES } from './subresources/subresources.ts';
import { update } from './update.ts';
import { watch } from './watch.ts';

const VERBS: Readonly<Record<string, Handler>> = {
  create,
  get,
  list,
  watch,
  update,
  patch,
  delete: remove,
  deletecollection: deleteCollection,
};

/** Throws 404 when the resource has no such subresource and 405 when it does not know the verb. */
export function handlerFor(call: Call): Handler {
  const { kind, verb, subresource, name } = call;
  if (subresource !== '') return subresourceHandler(call);
  const isKnown = kind.verbs.has(verb as 'get');
  if (!isKnown || (verb === 'create' && name !== '') || (needsName(verb) && name === '')) throw methodNotAllowed();
  // A namespaced resource is written inside a namespace only; lists and watches may span all of them.
  if (kind.namespaced && call.namespace === '' && verb !== 'list' && verb !== 'watch') throw methodNotAllowed();
  return REVIEWS[kind.kind] ?? (kind.plural === 'bindings' ? bind : VERBS[verb]);
}

function subresourceHandler({ kind, verb, subresource }: Call): Handler {
  const known = kind.subresources.get(subresource);
  if (!known) throw pathNotFound();
  const handler = SUBRESOURCES[subresource]?.[verb] ?? VERBS[verb];
  if (!known.verbs.has(verb as 'get') || !handler) throw methodNotAllowed();
  return handler;
}

const needsName = (verb: string): boolean =>
  verb === 'update' || verb === 'patch' || verb === 'delete' || verb === 'get';

/** The path names no resource. */
export function pathNotFound(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function methodNotAllowed(): StatusError {
  return new StatusError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  );
}
