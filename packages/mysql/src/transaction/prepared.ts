import type { Tables } from '../schema.ts';
import type { Prepared } from '../session.ts';
import { create, draw } from '../sql.ts';

export function drawing(tables: Tables, name: Buffer): Prepared {
  return { name: 'holdfast_draw', sql: () => draw(tables), values: [name] };
}

/** In the transaction of the draw, and before it: who sweeps a name locks its row before its token, too. */
export function creating(tables: Tables, name: Buffer): Prepared {
  return { name: 'holdfast_create', sql: () => create(tables), values: [name, name] };
}
