// The tutorial as data: parts of steps, each a claim of the text and how it is proved.
import type { Scene } from './scene.ts';

export interface Step {
  /** What the tutorial says, in a line. */
  readonly claim: string;
  /** Resolves with what was seen, in a line or a few; rejects when the claim is not true here (claim.ts). */
  prove(scene: Scene): Promise<string>;
}

export interface Part {
  /** As the text's heading: `Part 4: The Control Plane`. */
  readonly title: string;
  readonly steps: readonly Step[];
}
