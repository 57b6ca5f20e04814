// From a chain's name back to the Service port and endpoint it stands for.
import type { RuleIndex } from '../backend.ts';
import { endpointText, reachableEndpoints, type ServicePort } from '../plan.ts';
import { endpointChain, serviceChains } from './names.ts';

interface Owner {
  readonly servicePort: string;
  readonly endpoint?: string;
}

export class ChainIndex implements RuleIndex {
  readonly #owners = new Map<string, Owner>();
  readonly #chains = new Map<string, readonly string[]>();

  find(name: string): Owner | undefined {
    return this.#owners.get(name);
  }

  set(port: ServicePort): void {
    this.delete(port.id);
    const owners = new Map<string, Owner>();
    for (const chain of Object.values(serviceChains(port))) owners.set(chain, { servicePort: port.id });
    for (const endpoint of reachableEndpoints(port)) {
      owners.set(endpointChain(port, endpoint), { servicePort: port.id, endpoint: endpointText(endpoint) });
    }
    for (const [chain, owner] of owners) this.#owners.set(chain, owner);
    this.#chains.set(port.id, [...owners.keys()]);
  }

  delete(id: string): void {
    for (const chain of this.#chains.get(id) ?? []) this.#owners.delete(chain);
    this.#chains.delete(id);
  }
}
