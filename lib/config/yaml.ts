/** YAML of configurations: small, without tags, and read in little time whatever it holds. */
import { Lexer, Parser, parseDocument } from 'yaml';
import { firstLine, SvgT2IError } from '../errors.js';

/** Far above any configuration; the parser's own checks take longer than in proportion to the text. */
export const MAX_YAML_BYTES = 64 * 1024;
const MAX_ALIASES = 100;
/** Open tokens of the parser: some three a level. */
const MAX_OPEN_TOKENS = 200;

/**
 * The values of a YAML text; null where it is empty. `source` names it in errors.
 *
 * @throws SvgT2IError ERR_SVGT2I_INVALID_CONFIG for a text that is too long or does not parse
 */
export function parseYaml(text: string, source: string): unknown {
  if (Buffer.byteLength(text) > MAX_YAML_BYTES) {
    throw new SvgT2IError(
      'ERR_SVGT2I_INVALID_CONFIG',
      `${source}: has more than ${MAX_YAML_BYTES / 1024} KB, too much for a configuration`,
    );
  }
  try {
    checkDepth(text);
    const document = parseDocument(text);
    const [syntaxError] = document.errors;
    if (syntaxError !== undefined) throw syntaxError;
    return document.toJS({ maxAliasCount: MAX_ALIASES }) ?? null;
  } catch (error) {
    const reason = firstLine(error).replace(/:$/, '');
    throw new SvgT2IError('ERR_SVGT2I_INVALID_CONFIG', `${source}: ${reason}`, { cause: error });
  }
}

/** The library composes values by recursion without a limit; where it uses up the stack, V8 may end the process. */
function checkDepth(text: string): void {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme));
    if (parser.stack.length > MAX_OPEN_TOKENS) throw new RangeError('nested too deep');
  }
}
