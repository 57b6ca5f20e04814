// What a proof says when it does not succeed.

/** It happens as claimed, but not as fast: a busy machine is slow, and that disproves nothing. */
export class SlowError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SlowError';
  }
}

/** What was seen is not what is claimed. */
export class DisprovedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DisprovedError';
  }
}

/** This lab cannot show it: why, and which one could. */
export class OpenError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'OpenError';
  }
}

/** Throws DisprovedError with `otherwise` when the claim does not hold. */
export function claim(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new DisprovedError(otherwise);
}
