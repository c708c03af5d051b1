import { z } from 'zod';
import { ConfigError, parseOptions, urlOptions } from '@holdfast/core/adapter';
import type { AdapterConfig } from '@holdfast/core/adapter';
import { isMemorySpace } from './shared/layout.ts';
import type { MemorySpace } from './shared/layout.ts';

export interface MemoryOptions {
  /** The space within this thread; backends with the same name share their locks. Default: one unnamed space. */
  readonly name?: string | undefined;
  /** A space made by `memorySpace()`, which this thread shares with others. Instead of `name`. */
  readonly space?: MemorySpace | undefined;
}

const memorySchema: z.ZodType<MemoryOptions> = z
  .strictObject({
    name: z.string().optional(),
    space: z.custom<MemorySpace>(isMemorySpace, { error: 'expected what memorySpace() returned' }).optional(),
  })
  .refine(({ name, space }) => name === undefined || space === undefined, {
    error: 'give `name` or `space`, not both',
  });

export function parseMemoryOptions(options: unknown): MemoryOptions {
  return parseOptions('memory', memorySchema, options);
}

const urlSchema = z.strictObject({ shared: z.boolean().default(false) });

export interface MemoryUrl {
  readonly name: string;
  /** Whether the space is one that the thread's creator shares, rather than the thread's own. */
  readonly shared: boolean;
}

/** `memory:` or `memory:name`, with `?shared=true` for a space that a parent thread shares. Throws `ConfigError`. */
export function parseMemoryUrl(url: string): MemoryUrl {
  const match = /^memory:([^?#/]*)(?:\?([^#]*))?$/i.exec(url);
  if (match === null) throw new ConfigError('Expected a memory URL such as `memory:` or `memory:name`');
  const { shared } = parseOptions('memory', urlSchema, urlOptions('memory', new URLSearchParams(match[2])));
  return { name: decode(match[1] ?? ''), shared };
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch (error) {
    throw new ConfigError('The name in the memory URL is not valid percent-encoding', { cause: error });
  }
}

/** What a URL and options of a config object make together. */
export function optionsOf(config: AdapterConfig, shared: (name: string) => MemorySpace): MemoryOptions {
  const options = parseMemoryOptions(config.options ?? {});
  if (config.url === undefined) return options;
  const { name, shared: isShared } = parseMemoryUrl(config.url);
  if (config.options !== undefined && Object.keys(config.options).length > 0) {
    throw new ConfigError('The memory backend takes a URL or options, not both');
  }
  return isShared ? { space: shared(name) } : { name };
}
