/**
 * What the testbed asks its keeper, and what that answers. Each question gets exactly one answer with its `id`. A `process`
 * is known by a number that the testbed chose: pids come back.
 */
export type Question =
  | { readonly id: number; readonly type: 'directory'; readonly prefix: string }
  | {
      readonly id: number;
      readonly type: 'start';
      readonly process: number;
      readonly command: string;
      readonly args: readonly string[];
      readonly dir: string;
    }
  | { readonly id: number; readonly type: 'signal'; readonly process: number; readonly signal: NodeJS.Signals }
  /** Answered once the process has ended. */
  | { readonly id: number; readonly type: 'end'; readonly process: number; readonly signal: NodeJS.Signals }
  | { readonly id: number; readonly type: 'remove'; readonly dir: string }
  /** A container of this name is, or is about to be, ours. */
  | { readonly id: number; readonly type: 'container'; readonly name: string; readonly engine: Engine }
  | { readonly id: number; readonly type: 'container-gone'; readonly name: string }
  /** Network namespaces of these names are, or are about to be, ours. */
  | { readonly id: number; readonly type: 'namespaces'; readonly names: readonly string[] }
  | { readonly id: number; readonly type: 'remove-namespaces'; readonly names: readonly string[] };

/** Where a Docker engine listens. */
export type Engine = { readonly socketPath: string } | { readonly host: string; readonly port: number };

export type Answer =
  | { readonly id: number; readonly type: 'done'; readonly value: string | number | null }
  | { readonly id: number; readonly type: 'failed'; readonly message: string }
  | { readonly type: 'exited'; readonly process: number; readonly exit: Exit };

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last of what it printed. */
  readonly output: string;
}
