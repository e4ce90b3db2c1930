/**
 * By which names the server is called. A page of another site can point a name of its own at this machine (DNS
 * rebinding), and then counts as of one origin with it: so names that are not known are refused. Addresses are no names.
 */

import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { ServeConfig } from '../../config/serve.js';
import { SvgT2IError } from '../../errors.js';

/** The host of a `Host` header or an address, in lower case, without port and brackets; undefined for what is none. */
export function hostOf(header: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s/@?#]+))(?::\d{1,5})?$/i.exec(header.trim());
  return (match?.[1] ?? match?.[2])?.toLowerCase().replace(/\.$/, '');
}

/** Whether only this machine reaches it. */
export function isLoopback(host: string): boolean {
  const bare = host.toLowerCase().replace(/^\[|\]$/g, '');
  return (
    bare === 'localhost' || bare.endsWith('.localhost') || bare === '::1' || /^127\.\d+\.\d+\.\d+$/.test(bare)
  );
}

/** A check of the `Host` header. */
export function hostCheck(
  { host, allowHost }: Pick<ServeConfig, 'host' | 'allowHost'>,
  hasKey: boolean,
): (header: string | undefined) => boolean {
  const names = new Set([host, hostname(), ...allowHost].map((name) => name.toLowerCase()));
  return (header) => {
    const name = header === undefined ? undefined : hostOf(header);
    if (name === undefined) return false;
    // A page of another site does not know the key.
    return hasKey || isLoopback(name) || isIP(name) !== 0 || names.has(name);
  };
}

/** @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG for a server that anybody on the network could use */
export function checkExposure({ host, insecure, cors }: ServeConfig, hasKey: boolean): void {
  if (hasKey) return;
  if (!isLoopback(host) && !insecure) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_CONFIG',
      `host: anybody who reaches ${host} could use the server, which has no key`,
      {
        hint: 'Give --api-key-file FILE (or SVG_T2I_API_KEY), or say --insecure where the network is your own.',
      },
    );
  }
  if (cors.includes('*') && !insecure) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_CONFIG',
      'cors: * lets every page of the web use a server without a key',
      {
        hint: 'Name the origins, give --api-key-file FILE, or say --insecure.',
      },
    );
  }
}
