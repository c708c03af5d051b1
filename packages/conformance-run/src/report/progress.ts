import type { CaseResult, ConformanceCase } from '@holdfast/core/conformance';
import { verdictOf } from '../run/trial.ts';
import type { Watcher } from '../run/conform.ts';
import type { ServerFacts, Trial } from '../run/trial.ts';
import { countsInWords, countsOf, sectionOf, seconds, troubleOf } from './matrix.ts';

const REDRAW_MS = 200;
const PLAIN_EVERY_MS = 15_000;

interface Row {
  readonly since: number;
  server: string;
  section: string;
  done: number;
  failed: number;
  writtenAt: number;
}

/** What people see meanwhile: on a terminal a line per backend that is written over, elsewhere a line now and then. */
export class Progress implements Watcher {
  readonly #out: NodeJS.WriteStream;
  readonly #rows = new Map<string, Row>();
  readonly #width: number;
  readonly #cases: readonly ConformanceCase[];
  #drawn = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(out: NodeJS.WriteStream, names: readonly string[], cases: readonly ConformanceCase[]) {
    this.#out = out;
    this.#cases = cases;
    this.#width = Math.max(...names.map((name) => name.length));
    if (out.isTTY) this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
  }

  starting(backend: string): void {
    const now = performance.now();
    this.#rows.set(backend, { since: now, server: '', section: 'starting', done: 0, failed: 0, writtenAt: now });
    if (!this.#out.isTTY) this.#line(backend, 'starting');
  }

  started(backend: string, { version, source }: ServerFacts, ms: number): void {
    const row = this.#rows.get(backend);
    if (row === undefined) return;
    row.server = `${version} (${source})`;
    row.section = 'started';
    if (!this.#out.isTTY) this.#line(backend, `${row.server} started in ${seconds(ms)}`);
  }

  result(backend: string, result: CaseResult): void {
    const row = this.#rows.get(backend);
    if (row === undefined) return;
    row.done += 1;
    row.section = sectionOf(result);
    if (result.outcome === 'failed') {
      row.failed += 1;
      this.#line(backend, `FAILED ${result.id}: ${result.error?.message.split('\n')[0] ?? ''}`);
    }
    const now = performance.now();
    if (this.#out.isTTY || now - row.writtenAt < PLAIN_EVERY_MS) return;
    row.writtenAt = now;
    this.#line(backend, this.#state(row));
  }

  ended(trial: Trial): void {
    this.#rows.delete(trial.backend);
    const counts = countsInWords(countsOf(trial, this.#cases));
    this.#line(trial.backend, `${verdictOf(trial)}: ${counts}, in ${seconds(trial.wallMs)}`);
    const trouble = troubleOf(trial);
    if (trouble !== undefined) this.#line(trial.backend, trouble.split('\n')[0] ?? '');
  }

  close(): void {
    clearInterval(this.#timer);
    this.#out.write(this.#erasure());
  }

  /** One that stays, above those that are written over. */
  #line(backend: string, text: string): void {
    this.#out.write(`${this.#erasure()}${backend.padEnd(this.#width)}  ${text}\n${this.#picture()}`);
  }

  #state({ done, failed, section, since, server }: Row): string {
    const spent = seconds(performance.now() - since);
    return `${done} of at most ${this.#cases.length}, ${failed} failed, ${spent}, ${section}  ${server}`.trimEnd();
  }

  /** In one piece with what it erases: nothing flickers. */
  #draw(): void {
    this.#out.write(`${this.#erasure()}${this.#picture()}`);
  }

  #picture(): string {
    if (!this.#out.isTTY) return '';
    const lines = Array.from(this.#rows, ([name, row]) => `${name.padEnd(this.#width)}  ${this.#state(row)}`);
    this.#drawn = lines.length;
    return lines.map((line) => `${line.slice(0, this.#out.columns - 1)}\n`).join('');
  }

  #erasure(): string {
    const erasure = this.#drawn > 0 ? `\u001B[${this.#drawn}A\u001B[J` : '';
    this.#drawn = 0;
    return erasure;
  }
}
