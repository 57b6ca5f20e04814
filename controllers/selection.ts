// A Service's selector, as controllers evaluate it against their caches.

type Labels = Readonly<Record<string, string>>;

/** Every pair must be there. An absent or empty selector selects nothing. */
export function matchesLabels(selector: Labels | undefined, labels: Labels | undefined): boolean {
  let pairs = 0;
  for (const key in selector) {
    if (labels?.[key] !== selector[key]) return false;
    pairs += 1;
  }
  return pairs > 0;
}
