// LIST: one consistent revision, whole or in pages (k8s.io/apiserver v0.36 pkg/storage/etcd3/store.go).
import type { ListMeta } from '../../api/object.ts';
import { StatusError } from '../../api/status.ts';
import { CompactedError, type Entry, FutureRevisionError } from '../storage/store.ts';
import { prefixFor } from './codec.ts';
import { decodeContinue, encodeContinue } from './continue.ts';
import { type ListOptions, readListOptions } from './list-options.ts';
import type { Answer, Call, Registry } from './registry.ts';
import { type Selection, selectionOf } from './selection.ts';
import { listVersion, tooLarge } from './versions.ts';

export interface Page {
  readonly entries: readonly Entry[];
  readonly metadata: ListMeta;
  readonly revision: number;
}

export async function list(registry: Registry, call: Call): Promise<Answer> {
  const options = readListOptions(call.query);
  const { entries, metadata } = await readPage(registry, call, options);
  return { type: 'list', items: entries.map((entry) => entry.value), metadata };
}

/** Throws 400 for bad options, 410 when the revision asked for is forgotten, 504 when it is from the future. */
export async function readPage(registry: Registry, call: Call, options: ListOptions): Promise<Page> {
  const selection = selectionOf(call, options.labelSelector, options.fieldSelector);
  const start = startOf(registry, call, options);
  const only = selection.onlyKey !== undefined && start.revision === undefined && !start.from;
  if (only) return onePage(registry, selection);
  const { store } = registry;
  // Whoever takes any version gets what upstream's cache has, which knows no pages.
  const limit = options.resourceVersion === '0' ? 0 : Math.max(0, options.limit);
  try {
    return await selectPage(store, prefixFor(call.kind, call.namespace), start, limit, selection);
  } catch (error) {
    if (error instanceof CompactedError) throw expired(options, start);
    if (error instanceof FutureRevisionError) throw tooLarge(start.revision ?? 0, error.current);
    throw error;
  }
}

interface Start {
  /** Absent: now. */
  readonly revision: number | undefined;
  /** Relative to the prefix; '' is its beginning. */
  readonly from: string;
}

function startOf({ store }: Registry, _call: Call, options: ListOptions): Start {
  if (options.continue) {
    const { revision, from } = decodeContinue(options.continue);
    if (options.resourceVersion && options.resourceVersion !== '0') {
      throw StatusError.badRequest('specifying resource version is not allowed when using continue');
    }
    return { revision, from };
  }
  const asked = listVersion(options.resourceVersion);
  if (asked > store.revision) throw tooLarge(asked, store.revision);
  // The old rule, without a match: a limit makes the version exact.
  const exact = options.match === 'Exact' || (options.match === '' && asked > 0 && options.limit > 0);
  return { revision: exact ? asked : undefined, from: '' };
}

/** A selector that names the object needs no walk over the others. */
function onePage({ store }: Registry, selection: Selection): Page {
  const entry = store.get(selection.onlyKey!);
  const { revision } = store;
  const entries = entry && selection.matches!(entry) ? [entry] : [];
  return { entries, revision, metadata: { resourceVersion: String(revision) } };
}

async function selectPage(
  store: Registry['store'],
  prefix: string,
  start: Start,
  limit: number,
  { matches }: Selection,
): Promise<Page> {
  const entries: Entry[] = [];
  let { revision } = start;
  let from = start.from ? prefix + start.from : undefined;
  for (;;) {
    const result = await store.list(prefix, { limit: limit || undefined, from, revision });
    revision = result.revision;
    const metadata: ListMeta = { resourceVersion: String(revision) };
    for (const entry of result.entries) {
      if (matches && !matches(entry)) continue;
      // One entry more than the page holds tells that there is a next page, and where it begins.
      if (limit > 0 && entries.length === limit) {
        metadata.continue = encodeContinue({ revision, from: entry.key.slice(prefix.length) });
        return { entries, revision, metadata };
      }
      entries.push(entry);
    }
    const last = result.entries.at(-1);
    if (result.remaining === 0 || !last) return { entries, revision, metadata };
    from = `${last.key}\0`;
    if (limit > 0 && entries.length === limit && !matches) {
      metadata.continue = encodeContinue({ revision, from: from.slice(prefix.length) });
      metadata.remainingItemCount = result.remaining;
      return { entries, revision, metadata };
    }
  }
}

/** A list in pages can go on where it was, at the price of its consistency: the token for that comes with the refusal. */
function expired(options: ListOptions, { from }: Start): StatusError {
  if (!options.continue) return StatusError.expired('The resourceVersion for the provided list is too old.');
  const error = StatusError.expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
  );
  error.status.metadata.continue = encodeContinue({ from });
  return error;
}
