/** How each benchmark's own scorer is called on a folder that is whole. */
import { join, resolve } from 'node:path';
import type { BenchmarkKind } from '../../config/eval/generate.js';
import { quoted } from '../command-line.js';
import { scorerFolder } from './benchmarks.js';
import { GENEVAL2_LIST } from './geneval2.js';

export interface ScorerCall {
  /** Of the output folder. */
  readonly out: string;
  /** List of the prompts. */
  readonly prompts: string;
  readonly resolution: number;
  readonly imagesPerPrompt: number;
}

/**
 * The commands, as one types them in a clone of the scorer, and ours that reads what it writes.
 *
 * Source: djghosh13/geneval af4902f, README; facebookresearch/GenEval2 a6e82d2, README and evaluation.py (which refuses its
 * README's soft_tifa); TencentQQGYLab/ELLA 3c228f1, dpg_bench (without --pic-num only the first sample counts, without
 * --res-path the results lie among the pictures).
 */
export function scorerCalls(kind: BenchmarkKind, call: ScorerCall): readonly string[] {
  const out = resolve(call.out);
  const pictures = quoted(scorerFolder(kind, out));
  switch (kind) {
    case 'geneval': {
      const results = quoted(join(out, 'geneval.jsonl'));
      return [
        `python evaluation/evaluate_images.py ${pictures} --outfile ${results} --model-path DETECTOR_FOLDER`,
        `svg-t2i eval report ${results}`,
      ];
    }
    case 'geneval2': {
      const scores = quoted(join(out, 'geneval2-scores.json'));
      const data = `--benchmark_data ${quoted(resolve(call.prompts))}`;
      const list = `--image_filepath_data ${GENEVAL2_LIST}`;
      return [
        `cd ${pictures} && python GENEVAL2/evaluation.py ${data} ${list} --method soft_tifa_gm --output_file ${scores}`,
        `python soft_tifa_analysis.py ${data} --score_data ${scores}`,
      ];
    }
    case 'dpg': {
      const results = quoted(join(out, 'dpg-results.txt'));
      const how = `--resolution ${call.resolution} --pic-num ${call.imagesPerPrompt} --vqa-model mplug --res-path ${results}`;
      return [
        `accelerate launch dpg_bench/compute_dpg_bench.py --image-root-path ${pictures} ${how}`,
        `svg-t2i eval report ${results}`,
      ];
    }
  }
}
