/** `tokenizer` cases: encode, truncate, pad and decode with a tokenizer of Gemma-2's shape. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type EncodeBatchOptions, loadTokenizer } from '../../text/tokenizer.js';
import type { Comparison } from '../comparison.js';
import type { GoldenCase } from '../golden-case.js';

const idsSchema = z.array(z.number().int());
const settingsSchema = {
  max_length: z.number().int().positive().nullish(),
  pad_to_multiple_of: z.number().int().positive().nullish(),
  padding_side: z.enum(['left', 'right']).nullish(),
};

const specSchema = z.looseObject({
  ...settingsSchema,
  batches: z
    .array(
      z.looseObject({
        ...settingsSchema,
        texts: z.array(z.string()),
        input_ids: z.array(idsSchema),
        attention_mask: z.array(idsSchema),
      }),
    )
    .default([]),
  decode: z
    .array(
      z.looseObject({ ids: idsSchema, text: z.string(), skip_special_tokens: z.boolean().default(true) }),
    )
    .default([]),
});

export async function runTokenizerCase(golden: GoldenCase, result: Comparison): Promise<void> {
  const spec = specSchema.parse(golden.spec);
  const inSubfolder = existsSync(join(golden.folder, 'tokenizer', 'tokenizer.json'));
  const tokenizer = await loadTokenizer(inSubfolder ? join(golden.folder, 'tokenizer') : golden.folder);
  spec.batches.forEach((batch, index) => {
    const maxLength = batch.max_length ?? spec.max_length;
    const padToMultipleOf = batch.pad_to_multiple_of ?? spec.pad_to_multiple_of;
    const options: EncodeBatchOptions = {
      paddingSide: batch.padding_side ?? spec.padding_side ?? 'right',
      ...(maxLength == null ? {} : { maxLength }),
      ...(padToMultipleOf == null ? {} : { padToMultipleOf }),
    };
    const { inputIds, attentionMask } = tokenizer.encodeBatch(batch.texts, options);
    batch.texts.forEach((_, row) => {
      const label = `batch ${index} text ${row}`;
      result.expectEqual(`${label} ids`, inputIds[row] ?? [], batch.input_ids[row] ?? []);
      result.expectEqual(`${label} mask`, attentionMask[row] ?? [], batch.attention_mask[row] ?? []);
    });
  });
  spec.decode.forEach(({ ids, text, skip_special_tokens: skipSpecialTokens }, index) => {
    result.expectText(`decode ${index}`, tokenizer.decode(ids, { skipSpecialTokens }), text);
  });
}
