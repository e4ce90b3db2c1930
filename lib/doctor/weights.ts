/** Which parts of a release are there. */
import { modelSchema } from '../config/model.js';
import { firstLine, SvgT2IError } from '../errors.js';
import { FoundRelease } from '../release/found-release.js';
import { layoutOf, MODEL_PARTS, type ReleaseLayout } from '../release/layout.js';
import type { ModelPart } from '../release/types.js';
import { type Finding, fail, ok, warn } from './finding.js';

const NAMES: Readonly<Record<ModelPart, string>> = {
  textEncoder: 'text encoder',
  dit: 'diffusion transformer and statistics',
  autoencoder: 'autoencoder',
};

function describe(part: ModelPart, layout: ReleaseLayout): string {
  switch (part) {
    case 'textEncoder':
      return layout.textEncoder ?? '';
    case 'dit':
      return [layout.dit, layout.statistics].filter((path) => path !== undefined).join(', ');
    case 'autoencoder':
      return layout.autoencoder?.checkpoint ?? '';
  }
}

/** A folder that somebody named must be whole; without one, having no weights yet is only worth a warning. */
export function checkWeights(pretrained: string | undefined): readonly Finding[] {
  const found = new FoundRelease(modelSchema.parse(pretrained === undefined ? {} : { pretrained }));
  const findings: Finding[] = [];
  for (const part of MODEL_PARTS) {
    try {
      if (part === 'textEncoder' && found.ditKind?.condition === 'class') {
        findings.push(ok(NAMES[part], 'not needed: the transformer draws classes'));
        continue;
      }
      const layout = layoutOf(found, [part]);
      findings.push(ok(NAMES[part], describe(part, layout)));
      for (const warning of layout.warnings) findings.push(warn(NAMES[part], warning, 'See the message.'));
    } catch (error) {
      const hint =
        (SvgT2IError.isInstance(error) && error.hint) || 'Fetch the SVG-T2I release: svg-t2i pull.';
      const report = pretrained === undefined ? warn : fail;
      findings.push(report(NAMES[part], firstLine(error), hint));
      // The same words three times would say no more.
      if (/^no pre-trained folder/.test(firstLine(error)))
        return [{ ...report('weights', firstLine(error), hint) }];
    }
  }
  return findings;
}
