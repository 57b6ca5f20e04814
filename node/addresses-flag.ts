// `--node-ip`: one address, or one of each family.
import * as z from 'zod';
import { familyOf } from '../api/ip.ts';

/** `192.168.1.10`, `192.168.1.10,fd00::10`; the primary comes first. */
export const addressesFlag = z
  .string({ error: 'is required' })
  .transform((text) => text.split(','))
  .refine(
    (addresses) => addresses.every((one) => familyOf(one) !== undefined) && isOneOfEach(addresses),
    'must be an IP address, or one of each family with a comma between',
  );

function isOneOfEach(addresses: readonly string[]): boolean {
  return new Set(addresses.map(familyOf)).size === addresses.length;
}
