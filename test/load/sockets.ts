/** Requests that no HTTP client would send: bytes on a socket, and what comes back. */
import { connect } from 'node:net';

export interface RawOptions {
  readonly port: number;
  /** Written at once. */
  readonly text: string;
  /** Whether the sending side is closed behind it. */
  readonly half?: boolean;
}

/** The first line of the answer; empty where the server closed without one. */
export function raw({ port, text, half = false }: RawOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('connect', () => (half ? socket.end(text) : socket.write(text)));
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
    });
    // The server hangs up in the middle of what it does not want to read.
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? socket.destroy() : reject(error),
    );
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(answer.split('\r\n')[0] ?? ''));
  });
}
