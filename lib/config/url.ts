/** Addresses where a path is wanted: nothing is fetched. */

const URL_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/** Something like s3://bucket/a.jpg, which no file here is called. */
export function isUrl(path: string): boolean {
  return URL_SCHEME.test(path);
}
