/** What a conversion makes of tensors: flags and options of the API. */
import { STORED_DTYPES } from '../facts.js';

export const CONVERSION_DTYPES = ['keep', ...STORED_DTYPES] as const;
/** Of the large matrices. */
export const QUANTISATIONS = ['none', 'int8'] as const;
