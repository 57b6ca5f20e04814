// Where the kernel is asked what it would refuse: a backend like the one that serves, in a network namespace where nobody is served.
import type { Exec } from '../host/exec.ts';
import { scratchNetns } from '../host/netns.ts';
import type { Backend } from './backend.ts';

export interface Trial {
  readonly backend: Pick<Backend, 'sync'>;
  /** Nothing of it stays. */
  end(): Promise<void>;
}

/**
 * `make` makes the backend that serves, with another way to run programs. Not a dry run of the tools: `iptables-restore --test` never
 * asks the kernel, and `nft -c` cannot look at what takes more than one transaction. Throws ExecError where no namespace can be made.
 */
export async function makeTrial(make: (exec: Exec) => Backend, exec: Exec): Promise<Trial> {
  const netns = await scratchNetns(exec);
  const backend = make(netns.exec);
  return { backend, end: () => backend.cleanup().finally(() => netns.end()) };
}
