// Namespaces: a name below one that does not exist does not exist.
import type { Namespace } from '../../api/types/core.v1.ts';
import { Table } from './table.ts';

export class Namespaces extends Table<Namespace, true> {
  has(name: string): boolean {
    return this.row(name) !== undefined;
  }

  protected override keep(): true {
    return true;
  }
}
