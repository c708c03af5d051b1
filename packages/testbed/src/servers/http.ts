import { request as plain } from 'node:http';
import { request as secure } from 'node:https';

const TIMEOUT_MS = 1000;

export interface HttpQuestion {
  readonly url: string;
  readonly ca: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a server answers, which must be 200 and JSON. */
export function getJson({ url, ca, headers = {} }: HttpQuestion): Promise<unknown> {
  const options = { timeout: TIMEOUT_MS, headers, ...(ca === undefined ? {} : { ca }) };
  return new Promise((resolve, reject) => {
    const question = (url.startsWith('https:') ? secure : plain)(url, options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(body));
        else reject(new Error(`${new URL(url).pathname} answered ${response.statusCode}`));
      });
    });
    question.once('timeout', () => question.destroy(new Error(`No answer within ${TIMEOUT_MS} ms`)));
    question.once('error', reject);
    question.end();
  });
}
