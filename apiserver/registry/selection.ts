// Which objects a list, watch or deletecollection is about: a namespace, labels and fields.
import type { Kind } from '../../api/kind.ts';
import type { AnyObject } from '../../api/object.ts';
import { checkSelectable, type FieldSelector, parseFieldSelector } from '../../api/selectors/fields.ts';
import { type LabelMatcher, parseLabelSelector } from '../../api/selectors/labels.ts';
import type { Entry } from '../storage/store.ts';
import type { Filter } from '../watch/event.ts';
import { decodeStored, keyFor } from './codec.ts';
import type { Call } from './registry.ts';

/** What selectors look at. Small, so that it is kept as long as its entry is. */
interface Attributes {
  readonly labels: Record<string, string> | undefined;
  readonly fields: Record<string, string>;
}

export interface Selection {
  /** Absent: everything is selected. */
  readonly filter: Filter | undefined;
  /** The same for a stored entry, decoded at most once in its life. */
  readonly matches: ((entry: Entry) => boolean) | undefined;
  /** The key of the only object that can be selected. */
  readonly onlyKey: string | undefined;
}

/** Throws 400 for a selector that cannot be read or names a field the kind does not select by. */
export function selectionOf(call: Call, labelSelector: string, fieldSelector: string): Selection {
  if (!labelSelector && !fieldSelector) return EVERYTHING;
  const { kind } = call;
  const labels = parseLabelSelector(labelSelector);
  const fields = parseFieldSelector(fieldSelector);
  checkSelectable(fields, kind);
  if (labels.everything && fields.requirements.length === 0) return EVERYTHING;
  const select = (attributes: Attributes): boolean => isSelected(attributes, labels, fields);
  return {
    filter: (object) => select(attributesOf(kind, object)),
    matches: (entry) => select(attributesOfEntry(kind, entry)),
    onlyKey: onlyKey(call, fields),
  };
}

const EVERYTHING: Selection = { filter: undefined, matches: undefined, onlyKey: undefined };

function isSelected({ labels, fields }: Attributes, labelMatcher: LabelMatcher, fieldSelector: FieldSelector): boolean {
  return labelMatcher.matches(labels) && fieldSelector.matches(fields);
}

function attributesOf(kind: Kind, object: AnyObject): Attributes {
  const { labels, name, namespace } = object.metadata;
  const own = kind.rules.fields?.(object) ?? {};
  return { labels, fields: { ...own, 'metadata.name': name, 'metadata.namespace': namespace ?? '' } };
}

const known = new WeakMap<Entry, Map<Kind, Attributes>>();

function attributesOfEntry(kind: Kind, entry: Entry): Attributes {
  const byKind = known.get(entry) ?? new Map<Kind, Attributes>();
  known.set(entry, byKind);
  let attributes = byKind.get(kind);
  if (!attributes) {
    attributes = attributesOf(kind, decodeStored(kind, entry.value));
    byKind.set(kind, attributes);
  }
  return attributes;
}

function onlyKey({ kind, namespace }: Call, fields: FieldSelector): string | undefined {
  const name = fields.exact('metadata.name');
  const inNamespace = namespace || fields.exact('metadata.namespace');
  if (name === undefined || (kind.namespaced && !inNamespace)) return undefined;
  return keyFor(kind, inNamespace ?? '', name);
}
