import type { z } from 'zod';
import { ConfigError } from '../errors.ts';

/**
 * Options validated by a zod schema; throws a `ConfigError` that names each bad field with what was expected. Values are
 * not quoted: an option may be a password.
 */
export function parseOptions<S extends z.ZodType>(adapter: string, schema: S, options: unknown): z.output<S> {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  throw new ConfigError(`Invalid options for the ${adapter} backend: ${issuesOf(result.error)}`);
}

/** Each bad field, with what was expected there. */
export function issuesOf(error: z.ZodError): string {
  const issues = error.issues.map((issue) => {
    const path = issue.path.map(String).join('.');
    return path === '' ? issue.message : `\`${path}\`: ${issue.message}`;
  });
  return issues.join('; ');
}

/**
 * The parameters of a URL's query as options for a schema: numbers and booleans are converted, the rest stay strings. A
 * parameter given twice is refused.
 */
export function urlOptions(adapter: string, params: URLSearchParams): Record<string, string | number | boolean> {
  const options: Record<string, string | number | boolean> = {};
  for (const [key, value] of params) {
    if (Object.hasOwn(options, key)) throw new ConfigError(`The ${adapter} URL gives \`${key}\` twice`);
    if (value === 'true' || value === 'false') options[key] = value === 'true';
    else options[key] = /^-?\d+(\.\d+)?$/.test(value) && value.length < 16 ? Number(value) : value;
  }
  return options;
}
