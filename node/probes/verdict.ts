// What a row of probe results means (upstream pkg/kubelet/prober/worker.go): a verdict changes only after as many results in a
// row as its threshold says. Pure.

export class Verdict {
  readonly #successThreshold: number;
  readonly #failureThreshold: number;
  #healthy: boolean;
  #last: boolean | undefined;
  #run = 0;

  constructor(options: { initially: boolean; successThreshold?: number; failureThreshold?: number }) {
    this.#healthy = options.initially;
    this.#successThreshold = options.successThreshold ?? 1;
    this.#failureThreshold = options.failureThreshold ?? 3;
  }

  get healthy(): boolean {
    return this.#healthy;
  }

  /** Returns the verdict when this result has decided one (the same as before, or another); undefined below the threshold. */
  record(success: boolean): boolean | undefined {
    this.#run = success === this.#last ? this.#run + 1 : 1;
    this.#last = success;
    if (this.#run < (success ? this.#successThreshold : this.#failureThreshold)) return undefined;
    this.#healthy = success;
    return success;
  }
}
