/** What a conversion makes of floating-point tensors: a flag and an option of the API. */
import { STORED_DTYPES } from '../facts.js';

export const CONVERSION_DTYPES = ['keep', ...STORED_DTYPES] as const;
