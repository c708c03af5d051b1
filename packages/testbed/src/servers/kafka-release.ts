import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

const API_VERSIONS = 18;
/** In ms, for the connection and the answer. */
const TIMEOUT_MS = 1000;

/** The highest `metadata.version` of each release: a broker does not say its release, but what it supports. */
const RELEASES: Readonly<Record<number, string>> = {
  7: '3.3',
  8: '3.4',
  11: '3.5',
  14: '3.6',
  19: '3.7',
  20: '3.8',
  21: '3.9',
  25: '4.0',
  27: '4.1',
};

export interface Broker {
  readonly host: string;
  readonly port: number;
}

interface Trust {
  readonly ca?: string;
}

/** Which release serves there. No login is needed for this question, version 3 of ApiVersions. */
export async function releaseOf(broker: Broker, tls: Trust | undefined): Promise<string> {
  const level = supportedMetadataVersion(new Fields(await ask(broker, tls)));
  return RELEASES[level] ?? `metadata.version ${level}`;
}

function ask(broker: Broker, tls: Trust | undefined): Promise<Buffer> {
  const header = Buffer.from([0, API_VERSIONS, 0, 3, 0, 0, 0, 0, 0xff, 0xff, 0]);
  const software = Buffer.from('\x08testbed\x020\0');
  const length = Buffer.alloc(4);
  length.writeInt32BE(header.length + software.length);
  const socket = tls === undefined ? connect(broker) : connectTls({ ...broker, ...tls });
  return new Promise<Buffer>((resolve, reject) => {
    let received = Buffer.alloc(0);
    socket.setTimeout(TIMEOUT_MS, () => reject(new Error(`No answer within ${TIMEOUT_MS} ms`)));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('The broker closed the connection')));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) resolve(received.subarray(4));
    });
    socket.write(Buffer.concat([length, header, software]));
  }).finally(() => socket.destroy());
}

/** The features that a broker supports are the optional field 0 of its answer. */
function supportedMetadataVersion(answer: Fields): number {
  answer.skip(4);
  const error = answer.int16();
  if (error !== 0) throw new Error(`ApiVersions was answered with error ${error}`);
  for (let apis = answer.varint() - 1; apis > 0; apis -= 1) {
    answer.skip(6);
    answer.skipTags();
  }
  answer.skip(4);
  for (let tags = answer.varint(); tags > 0; tags -= 1) {
    const tag = answer.varint();
    const size = answer.varint();
    if (tag !== 0) {
      answer.skip(size);
      continue;
    }
    for (let features = answer.varint() - 1; features > 0; features -= 1) {
      const name = answer.text();
      answer.skip(2);
      const highest = answer.int16();
      answer.skipTags();
      if (name === 'metadata.version') return highest;
    }
  }
  return 0;
}

/** Reads the fields of an answer one after the other. */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  int16(): number {
    this.#at += 2;
    return this.#bytes.readInt16BE(this.#at - 2);
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  text(): string {
    const length = this.varint() - 1;
    this.#at += length;
    return this.#bytes.toString('utf8', this.#at - length, this.#at);
  }

  skipTags(): void {
    for (let tags = this.varint(); tags > 0; tags -= 1) {
      this.varint();
      this.skip(this.varint());
    }
  }
}
