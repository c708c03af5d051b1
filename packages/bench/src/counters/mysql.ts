import { createConnection } from 'mysql2/promise';
import type { RowDataPacket } from 'mysql2/promise';
import { counterOf } from './counter.ts';
import type { Counter } from './counter.ts';

/** Statements that clients send; what they prepare once is not among them. */
export function mysqlCounter(url: string): Counter {
  return {
    unit: 'statements',
    async during(work) {
      const connection = await createConnection(url);
      const read = async (): Promise<number> => {
        const [rows] = await connection.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Questions'");
        return Number(rows[0]?.['Value']);
      };
      try {
        return await counterOf('statements', read, 1).during(work);
      } finally {
        await connection.end();
      }
    },
  };
}
