import { Command } from 'commander';
import { printVersions } from '../version.js';

export function versionCommand(): Command {
  return new Command('version')
    .description('print the versions of the package, Node.js and libtorch, as --version does')
    .option('--json', 'print one JSON object')
    .action(async ({ json }: { readonly json?: boolean }) => printVersions({ json: json === true }));
}
