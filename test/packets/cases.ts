// The table: what every kube-proxy must do with packets, feature by feature (kubernetes.io, "Virtual IPs and Service Proxies"; v1.36).
import { affinity } from './cases/affinity.ts';
import { BASICS } from './cases/basics.ts';
import { STATES, WITHOUT_ENDPOINTS } from './cases/endpoints.ts';
import { FENCES } from './cases/fences.ts';
import { OTHERS } from './cases/others.ts';
import { POLICIES } from './cases/policies.ts';
import type { Case } from './table.ts';

export const CASES: readonly Case[] = [
  ...BASICS,
  ...WITHOUT_ENDPOINTS,
  ...STATES,
  ...POLICIES,
  ...FENCES,
  ...affinity('IPv4', 51),
  ...OTHERS,
];
