// Cells that all workloads share: their containers, images and selector.
import { formatLabelSelector } from '../selectors/labels.ts';
import type { PodSpec } from '../types/core.v1.ts';
import type { LabelSelector } from '../types/meta.v1.ts';

/** Containers, Images: comma-separated. */
export function containerCells(spec: PodSpec | undefined): [names: string, images: string] {
  const containers = spec?.containers ?? [];
  return [containers.map(({ name }) => name).join(','), containers.map(({ image }) => image ?? '').join(',')];
}

export function workloadCells(
  spec: PodSpec | undefined,
  selector: LabelSelector | undefined,
): [names: string, images: string, selector: string] {
  return [...containerCells(spec), formatLabelSelector(selector)];
}
