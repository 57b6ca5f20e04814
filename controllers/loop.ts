// The shape all level-triggered controllers have: wait for the caches, then reconcile key after key.

import { isReason } from '../api/status.ts';
import { runWorkers } from '../client/workers.ts';
import type { WorkQueue } from '../client/workqueue.ts';
import { aborted } from '../host/lifecycle.ts';
import type { Controller, Environment } from './environment.ts';
import { isNamespaceTerminating } from './pod-writes.ts';

export interface Loop {
  readonly name: string;
  readonly queue: WorkQueue;
  /** The caches that reconcile reads: it is not called before they hold the truth once. */
  readonly informers: readonly { synced(): Promise<void> }[];
  /** How many keys are reconciled at once. */
  readonly concurrency: number;
  reconcile(key: string): Promise<void>;
}

export function controlLoop(loop: Loop, { log }: Environment): Controller {
  return {
    name: loop.name,
    async run(signal) {
      await Promise.race([Promise.all(loop.informers.map((informer) => informer.synced())), aborted(signal)]);
      await runWorkers(
        {
          queue: loop.queue,
          concurrency: loop.concurrency,
          reconcile: (key) => loop.reconcile(key),
          onError(key, error) {
            const level = isEveryday(error) ? 'debug' : 'warn';
            const { message, stack } = error as Error;
            log[level](
              { controller: loop.name, key, error: message, stack: bug(error) ? stack : undefined },
              'will retry',
            );
          },
        },
        signal,
      );
    },
  };
}

/** A lost race (the retry reads newer state), or a namespace that takes what it holds with it. */
function isEveryday(error: unknown): boolean {
  return isReason(error, 'Conflict') || isReason(error, 'AlreadyExists') || isNamespaceTerminating(error);
}

function bug(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}
