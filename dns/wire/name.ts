// Domain names as they travel: every label with its length before it, in lower case, without the root's empty label at the end. The
// one form serves as map key, for comparison and for writing, so that a dot inside a label is never taken for a border.
import { MAX_LABEL_BYTES, MAX_NAME_BYTES } from './constants.ts';

/** `\x03web\x04shop`: bytes as characters 0 to 255. The root is ''. */
export type Name = string;

/** `Web.shop.` → `\x03web\x04shop`; undefined when a label is empty or something is too long. No escapes. */
export function nameOf(text: string): Name | undefined {
  const plain = text.endsWith('.') ? text.slice(0, -1) : text;
  if (plain === '') return '';
  const labels = plain.toLowerCase().split('.');
  if (labels.some((label) => label === '' || label.length > MAX_LABEL_BYTES || /[^\x21-\x7e]/.test(label)))
    return undefined;
  const name = join(labels);
  return name.length < MAX_NAME_BYTES ? name : undefined;
}

/** Labels, each shorter than 64 characters, before what they stand below. */
export function join(labels: readonly string[], parent: Name = ''): Name {
  let name = '';
  for (const label of labels) name += String.fromCharCode(label.length) + label;
  return name + parent;
}

/** The labels, outermost first: `['web', 'shop']`. */
export function labelsOf(name: Name): string[] {
  const labels: string[] = [];
  for (let at = 0; at < name.length; ) {
    const next = at + 1 + name.charCodeAt(at);
    labels.push(name.slice(at + 1, next));
    at = next;
  }
  return labels;
}

/** Where `zone` begins in `name`; -1 when `name` is neither `zone` nor below it. */
export function zoneStart(name: Name, zone: Name): number {
  const start = name.length - zone.length;
  if (start < 0 || !name.endsWith(zone)) return -1;
  let at = 0;
  while (at < start) at += 1 + name.charCodeAt(at); // the zone's text may stand inside a label
  return at === start ? start : -1;
}

/** For people: `web.shop.`; bytes that are not printable ASCII as `\DDD` (RFC 4343). */
export function textOf(name: Name): string {
  const escaped = (byte: string): string =>
    /[\x21-\x7e]/.test(byte) ? `\\${byte}` : `\\${String(byte.charCodeAt(0)).padStart(3, '0')}`;
  return `${labelsOf(name)
    .map((label) => label.replace(/[^\x21-\x7e]|[."\\]/g, escaped))
    .join('.')}.`;
}
