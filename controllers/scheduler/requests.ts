// What pods ask for and nodes have, in numbers (k8s.io/component-helpers resource/helpers.go).
import { parseQuantity } from '../../api/quantity.ts';
import type { Container, Node, Pod } from '../../api/types/core.v1.ts';

/** Resource name → amount: millicores for `cpu`, whole units (bytes) for all others. */
export type Amounts = Map<string, number>;

function amountsOf(quantities: Record<string, unknown> | undefined): Amounts {
  const amounts: Amounts = new Map();
  for (const [name, text] of Object.entries(quantities ?? {})) {
    const quantity = parseQuantity(String(text));
    amounts.set(name, name === 'cpu' ? quantity.milliValue : quantity.value);
  }
  return amounts;
}

/** The larger of what the containers ask for together and what any init container asks for alone, plus overhead. */
export function requestsOf({ spec }: Pod): Amounts {
  const total: Amounts = new Map();
  for (const container of spec?.containers ?? []) add(total, requested(container));
  for (const init of spec?.initContainers ?? []) {
    if (init.restartPolicy === 'Always') add(total, requested(init));
    else for (const [name, amount] of requested(init)) total.set(name, Math.max(total.get(name) ?? 0, amount));
  }
  add(total, amountsOf(spec?.overhead));
  return total;
}

const requested = ({ resources }: Container): Amounts => amountsOf(resources?.requests);

export function add(total: Amounts, more: Amounts): void {
  for (const [name, amount] of more) total.set(name, (total.get(name) ?? 0) + amount);
}

export function allocatableOf({ status }: Node): Amounts {
  return amountsOf(status?.allocatable ?? status?.capacity);
}
