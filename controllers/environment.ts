// What every control loop is given: the way to the server, the shared caches, the options of the manager.
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import type { WorkQueue } from '../client/workqueue.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import type { Informers } from './informers.ts';
import type { ControllerOptions } from './options.ts';

export interface Environment {
  readonly client: Client;
  readonly informers: Informers;
  readonly options: ControllerOptions;
  readonly clock: Clock;
  readonly log: Logger;
  /** `name` is what the queue is counted as, upstream's where upstream has one: `endpoint_slice`. */
  queue(name: string): WorkQueue;
  /** `component` is who the events say they come from: `deployment-controller`. */
  recorder(component: string): EventRecorder;
}

/** One controller: runs until `signal` aborts. Rejects only when something is broken beyond retrying. */
export interface Controller {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

/** Makes a controller: asks `environment.informers` for what it needs, before they start. */
export type ControllerFactory = (environment: Environment) => Controller;
