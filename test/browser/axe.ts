/** What axe-core finds on a page, serious findings alone. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';

export async function seriousFindings(page: Page): Promise<string[]> {
  // As a debugger: a script tag would be kept out by the page's policy.
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const results = await window.axe.run(document, { resultTypes: ['violations'] });
    return results.violations.map(({ id, impact, nodes }) => ({
      id,
      impact,
      where: nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`),
    }));
  });
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, where }) => `${id}: ${where.join('; ')}`);
}

declare global {
  interface Window {
    readonly axe: typeof axe;
  }
}
