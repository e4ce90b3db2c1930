/** Checks a value against a zod schema; what is wrong comes out as one typed error of one line. */
import { inspect } from 'node:util';
import { z } from 'zod';
import { type ErrorCode, firstLine, SvgT2IError } from '../errors.js';
import { nearest } from './nearest.js';

export interface ValidateOptions {
  /** Where the value came from, e.g. a file name; goes before the message. */
  readonly source?: string | undefined;
  readonly code?: ErrorCode;
  /** How the user knows a value, e.g. `--steps` for `sample.steps`; the path itself elsewhere. */
  readonly nameOf?: ((path: string) => string | undefined) | undefined;
  /** What is missing is no mistake yet: it may come from elsewhere. The value is then given back as far as it goes. */
  readonly mayLack?: boolean;
}

export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  options: ValidateOptions = {},
): z.output<Schema> {
  // Without code made for the schema: most are used once, and to write and compile it takes longer than to check.
  const result = schema.safeParse(value, { reportInput: true, jitless: true });
  if (result.success) return result.data;
  const { mayLack = false } = options;
  const found = mayLack ? result.error.issues.filter((issue) => !isMissing(issue)) : result.error.issues;
  if (found.length === 0) return value as z.output<Schema>;
  const issues = firstOfEachPlace(found);
  const text = issuesText(schema, { issues: found }, options);
  const prefix = options.source === undefined ? '' : `${options.source}: `;
  throw new SvgT2IError(options.code ?? 'ERR_SVGT2I_INVALID_CONFIG', prefix + text, {
    hint: issues.map((issue) => issueHint(schema, issue)).find((hint) => hint !== undefined),
  });
}

function isMissing(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' && issue.input === undefined;
}

/** A number that is too large may break several rules; one of them is enough. */
function firstOfEachPlace(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  const seen = new Set<string>();
  return issues.filter((issue) => {
    const place = JSON.stringify(issue.path.map(String));
    return !seen.has(place) && seen.add(place);
  });
}

/** What is wrong with a value, in one line. */
export function issuesText(
  schema: z.ZodType,
  error: Pick<z.ZodError, 'issues'>,
  options: Pick<ValidateOptions, 'nameOf'> = {},
): string {
  return firstOfEachPlace(error.issues)
    .map((issue) => issueText(schema, issue, options))
    .join('; ');
}

/** As firstLine, of what a schema's own parse() throws too. */
export function reasonOf(error: unknown): string {
  return error instanceof z.ZodError ? issuesText(z.unknown(), error) : firstLine(error);
}

/** Of them are told by name. */
const MAX_UNKNOWN_KEYS = 5;

function issueText(
  schema: z.ZodType,
  issue: z.core.$ZodIssue,
  options: Pick<ValidateOptions, 'nameOf'>,
): string {
  const plainPath = issue.path.map(String).join('.');
  const path = options.nameOf?.(plainPath) ?? plainPath;
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path);
    const told = issue.keys.slice(0, MAX_UNKNOWN_KEYS).map((key) => {
      const full = path === '' ? key : `${path}.${key}`;
      const close = nearest(key, known);
      return `unknown key ${shown(full)}${close === undefined ? '' : `, did you mean "${close}"?`}`;
    });
    const more = issue.keys.length - told.length;
    return [...told, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
  }
  const got = 'input' in issue ? `, got ${shown(issue.input)}` : '';
  return `${path === '' ? '' : `${path}: `}${reason(issue)}${got}`;
}

const typeNames: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  object: 'a mapping',
  array: 'a list',
};

/** The schema's own message where it has one; zod's, in our words, elsewhere. */
function reason(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_value':
      if (issue.message.startsWith('must be one of')) return issue.message;
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      if (issue.origin === 'array') return `needs at least ${issue.minimum} of them`;
      if (issue.origin === 'string' && Number(issue.minimum) === 1) return 'must not be empty';
      return `must be ${issue.inclusive === false ? 'above' : 'at least'} ${issue.minimum}`;
    case 'too_big':
      return `must be ${issue.inclusive === false ? 'below' : 'at most'} ${issue.maximum}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_type':
      if (!issue.message.startsWith('Invalid input')) return issue.message;
      return `must be ${typeNames[issue.expected] ?? issue.expected}`;
    default:
      return issue.message;
  }
}

function issueHint(schema: z.ZodType, issue: z.core.$ZodIssue): string | undefined {
  // The schema's own, e.g. `z.custom(check, { params: { hint } })`.
  if (issue.code === 'custom' && typeof issue.params?.hint === 'string') return issue.params.hint;
  if (typeof issue.input === 'bigint') return 'Pass a plain number: Number(value).';
  if (issue.code !== 'unrecognized_keys') return undefined;
  return `Known keys here: ${knownKeys(schema, issue.path).join(', ')}.`;
}

/** A value for a message: short, on one line, whatever it is. */
export function shown(value: unknown): string {
  const text = describe(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

const INSPECT = { depth: 1, maxArrayLength: 3, maxStringLength: 40, breakLength: Number.POSITIVE_INFINITY };

function describe(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'nothing';
    case 'number':
      return String(value);
    case 'bigint':
      return `${value}n`;
    case 'string':
      return JSON.stringify(value);
    case 'object':
      return inspect(value, INSPECT).replace(/\s+/g, ' ');
    default:
      return typeof value === 'boolean' ? String(value) : `a ${typeof value}`;
  }
}

/** Keys of the object schema at `path`. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const places = path.reduce(
    (at: readonly z.ZodType[], key) => at.flatMap((one) => schemasIn(one, key)),
    [schema],
  );
  const objects = places.flatMap(alternatives).filter((one) => one instanceof z.ZodObject);
  return [...new Set(objects.flatMap((object) => Object.keys(object.shape)))];
}

function schemasIn(schema: z.ZodType, key: PropertyKey): readonly z.ZodType[] {
  return alternatives(schema).flatMap((one) => {
    if (one instanceof z.ZodArray) return [one.element as z.ZodType];
    const inner = one instanceof z.ZodObject ? (one.shape as Record<PropertyKey, z.ZodType>)[key] : undefined;
    return inner === undefined ? [] : [inner];
  });
}

/** Of a union, each of its schemas: which one was meant, nobody knows. */
function alternatives(schema: z.ZodType): readonly z.ZodType[] {
  const inner = unwrap(schema);
  return inner instanceof z.ZodUnion
    ? (inner.options as readonly z.ZodType[]).flatMap(alternatives)
    : [inner];
}

/** The schema below .default(), .prefault(), .optional(), .nullable() and .transform(). */
export function unwrap(schema: z.ZodType): z.ZodType {
  let inner: z.ZodType = schema;
  for (;;) {
    if (inner instanceof z.ZodPipe) inner = inner.in as z.ZodType;
    else if (
      inner instanceof z.ZodDefault ||
      inner instanceof z.ZodPrefault ||
      inner instanceof z.ZodOptional ||
      inner instanceof z.ZodNullable
    )
      inner = inner.unwrap() as z.ZodType;
    else return inner;
  }
}
