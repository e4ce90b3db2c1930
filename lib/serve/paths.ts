/** The path that is meant: clients join addresses in many ways, and some leave /v1 out. */

/** Everything below /v1, for those who leave it out. */
const BELOW_V1 = /^\/(images|models|jobs|capabilities)(?=\/|$)/;

/** Slashes squeezed, none at the end, and /v1 in front of what is below it. */
export function meantPath(path: string): string {
  const squeezed = path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
  return BELOW_V1.test(squeezed) ? `/v1${squeezed}` : squeezed;
}

/** Of a request's address, which may be without a host. */
export function pathOf(url: string): string {
  const [, path = '/'] = /^(?:[a-z][a-z0-9+.-]*:\/\/[^/?#]*)?([^?#]*)/i.exec(url) ?? [];
  return meantPath(path === '' ? '/' : path);
}
