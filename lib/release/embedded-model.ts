/** The model that comes with the package: it draws coloured shapes, and knows the words for them. */
import { fileURLToPath } from 'node:url';

/** Folder in the release's layout. */
export const EMBEDDED_MODEL = fileURLToPath(new URL('../../models/shapes', import.meta.url));
