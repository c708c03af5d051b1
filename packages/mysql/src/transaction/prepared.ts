import type { Tables } from '../schema.ts';
import type { Prepared } from '../session.ts';
import { create, createIfDrawnFirst, createToken, draw } from '../sql.ts';

export function drawing(tables: Tables, name: Buffer): Prepared {
  return { name: 'holdfast_draw', sql: () => draw(tables), values: [name] };
}

/** Right behind {@link drawing}. */
export function creatingIfDrawnFirst(tables: Tables, name: Buffer): Prepared {
  return { name: 'holdfast_create_new', sql: () => createIfDrawnFirst(tables), values: [name, 'ROW_COUNT()'] };
}

/** First the token's, as who draws does: two that make both meet at the first, and neither holds what the other waits for. */
export function creatingBoth(tables: Tables, name: Buffer): readonly [token: Prepared, lock: Prepared] {
  return [
    { name: 'holdfast_create_token', sql: () => createToken(tables), values: [name, name] },
    { name: 'holdfast_create', sql: () => create(tables), values: [name, name] },
  ];
}
