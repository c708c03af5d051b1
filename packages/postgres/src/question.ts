import type { Client } from 'pg';
import type { Statement } from './sql.ts';

/** The columns of a row, as the server writes them: `t` for true, `null` for NULL. */
export type Fields = readonly (string | null)[];
/** A number, or a text of ASCII. */
export type Parameter = string | number;

/** Exactly one of the two is called with something; `undefined` for both: no row. */
export type Answered = (error: unknown, fields: Fields | undefined) => void;

/** What pg's connection has, and its types do not tell. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void; write(bytes: string, encoding: 'latin1'): void };
  readonly parsedStatements: Readonly<Record<string, string>>;
  /** Since pipelining, that is 8.22. */
  readonly submittedNamedStatements?: Record<string, string>;
  parse(statement: { readonly name: string; readonly text: string; readonly types: readonly number[] }): void;
}

/** Sent on a client of pg's by its `query`. Only the last row of the answer counts. */
export type Question = new (
  statement: Statement,
  values: readonly Parameter[],
  callback: Answered,
  /** `plan`: the server parses and plans the statement, looks up all that it needs, and does not carry it out. */
  until?: 'plan' | 'answer',
) => object;

const kinds = new WeakMap<object, Question>();

/**
 * The questions that `client` takes: where it pipelines, those of its own copy of pg alone.
 *
 * pg's own `Query` costs several times the client's time: it has the row described each time, turns it into an object, and writes four messages
 * as four buffers. This one writes one buffer and hands over the texts.
 */
export function questionOf(client: Client): Question {
  const { Query } = client.constructor as unknown as { readonly Query: { readonly prototype: object } };
  let kind = kinds.get(Query);
  if (kind === undefined) {
    kind = kindOf(Query);
    kinds.set(Query, kind);
  }
  return kind;
}

function kindOf(Query: { readonly prototype: object }): Question {
  // By `instanceof` it is one of pg's; what their constructor prepares is for rows that are objects.
  const Base = function (): void {} as unknown as new () => object;
  Base.prototype = Query.prototype;

  /** The methods are those that pg's client calls as the messages of the answer come in. */
  return class extends Base {
    readonly name: string;
    readonly text: string;
    readonly callback: Answered;
    readonly #bytes: string;
    #fields: Fields | undefined;

    constructor(
      { name, text }: Statement,
      values: readonly Parameter[],
      callback: Answered,
      until: 'plan' | 'answer' = 'answer',
    ) {
      super();
      this.name = name;
      this.text = text;
      this.#bytes = bound(name, values) + (until === 'plan' ? SYNC : EXECUTE + SYNC);
      this.callback = callback;
    }

    submit(wire: Wire): null {
      const { name, text } = this;
      const bytes = this.#bytes;
      if (wire.parsedStatements[name] !== undefined || wire.submittedNamedStatements?.[name] !== undefined) {
        wire.stream.write(bytes, 'latin1');
        return null;
      }
      wire.stream.cork();
      wire.parse({ name, text, types: [] });
      if (wire.submittedNamedStatements !== undefined) wire.submittedNamedStatements[name] = text;
      wire.stream.write(bytes, 'latin1');
      wire.stream.uncork();
      return null;
    }

    handleDataRow({ fields }: { readonly fields: Fields }): void {
      this.#fields = fields;
    }

    handleCommandComplete(): void {
      // How many rows there were is of no interest.
    }

    handleReadyForQuery(): void {
      this.callback(null, this.#fields);
    }

    handleError(error: unknown): void {
      this.callback(error, undefined);
    }
  };
}

/** The portal without a name, to the last row. */
const EXECUTE = 'E\0\0\0\x09\0\0\0\0\0';
const SYNC = 'S\0\0\0\x04';

/** Bind of the protocol's version 3, a byte in each character; all values and columns are texts. */
function bound(name: string, values: readonly Parameter[]): string {
  let what = `\0${name}\0\0\0${int16(values.length)}`;
  for (const value of values) {
    const text = String(value);
    what += int32(text.length) + text;
  }
  what += '\0\0';
  return `B${int32(what.length + 4)}${what}`;
}

function int16(value: number): string {
  return String.fromCharCode(value >>> 8, value & 0xff);
}

function int32(value: number): string {
  return int16(value >>> 16) + int16(value & 0xffff);
}
