/** A tokenizer that does not say what it was asked: nothing is drawn or trained on an empty caption instead. */
import { SvgT2IError } from '../errors.js';

/** For `tokens[i] ?? unanswered()`. */
export function unanswered(): never {
  throw new SvgT2IError('ERR_SVGT2I_INTERNAL', 'the tokenizer did not answer with the tokens of a text');
}
