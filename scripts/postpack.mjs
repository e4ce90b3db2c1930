// After `npm pack` and `npm publish`.
import { restoreManifest } from './manifest.mjs';

restoreManifest();
