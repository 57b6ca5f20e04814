// Node ports: which of the range are taken (k8s.io/kubernetes v1.36 pkg/registry/core/service/portallocator).
import { Bitmap } from './bitmap.ts';

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** `30000-32767`, both ends included. Throws Error for anything else. */
export function readPortRange(text: string): PortRange {
  const match = /^(\d+)-(\d+)$/.exec(text);
  const [from, to] = match ? [Number(match[1]), Number(match[2])] : [0, 0];
  if (from < 1 || to > 65535 || from > to) throw new Error(`"${text}" is not a port range such as 30000-32767`);
  return { from, to };
}

/** Why a port cannot be had; the text is part of the field error clients see. */
export class PortError extends Error {}

export class NodePorts {
  readonly #range: PortRange;
  readonly #bitmap: Bitmap;

  constructor(range: PortRange) {
    this.#range = range;
    const size = range.to - range.from + 1;
    this.#bitmap = new Bitmap(size, staticBandOf(size));
  }

  /** Throws PortError when the port is taken or outside the range. */
  take(port: number): void {
    const { from, to } = this.#range;
    if (port < from || port > to) {
      throw new PortError(`provided port is not in the valid range. The range of valid ports is ${from}-${to}`);
    }
    if (!this.#bitmap.take(port - from)) throw new PortError('provided port is already allocated');
  }

  /** Throws PortError when all are taken. */
  takeNext(): number {
    const offset = this.#bitmap.takeNext();
    if (offset === undefined) throw new PortError('range is full');
    return this.#range.from + offset;
  }

  has(port: number): boolean {
    const { from, to } = this.#range;
    return port >= from && port <= to && this.#bitmap.has(port - from);
  }

  release(port: number): void {
    if (port >= this.#range.from && port <= this.#range.to) this.#bitmap.release(port - this.#range.from);
  }
}

/** Ports at the range's beginning that are left for those who ask for one by number: min(max(16, size/32), 128). */
function staticBandOf(size: number): number {
  return size < 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128);
}
