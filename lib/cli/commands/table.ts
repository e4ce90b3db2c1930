/** Every command, in the order of the help. */
import type { CommandEntry } from '../command-entry.js';

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'quickstart',
    computes: true,
    load: async () => (await import('./quickstart.js')).quickstartCommand(),
  },
  {
    name: 'sample',
    computes: true,
    load: async () => (await import('./sample.js')).sampleCommand(),
  },
  {
    name: 'serve',
    computes: true,
    load: async () => (await import('./serve.js')).serveCommand(),
  },
  {
    name: 'reconstruct',
    computes: true,
    load: async () => (await import('./reconstruct.js')).reconstructCommand(),
  },
  {
    name: 'enhance',
    computes: true,
    load: async () => (await import('./enhance.js')).enhanceCommand(),
  },
  {
    name: 'estimate',
    computes: true,
    load: async () => (await import('./estimate.js')).estimateCommand(),
  },
  {
    name: 'info',
    load: async () => (await import('./info.js')).infoCommand(),
  },
  {
    name: 'inspect',
    computes: true,
    load: async () => (await import('./inspect.js')).inspectCommand(),
  },
  {
    name: 'convert',
    computes: true,
    load: async () => (await import('./convert.js')).convertCommand(),
  },
  {
    name: 'verify',
    computes: true,
    load: async () => (await import('./verify.js')).verifyCommand(),
  },
  {
    name: 'dataset',
    load: async () => (await import('./dataset.js')).datasetCommand(),
  },
  {
    name: 'eval',
    load: async (asked) => (await import('./eval/eval.js')).evalCommand(asked),
  },
  {
    name: 'init',
    load: async () => (await import('./init.js')).initCommand(),
  },
  {
    name: 'train',
    load: async () => (await import('./train.js')).trainCommand(),
  },
  {
    name: 'cache',
    load: async () => (await import('./cache.js')).cacheCommand(),
  },
  {
    name: 'stats',
    load: async () => (await import('./stats.js')).statsCommand(),
  },
  {
    name: 'export',
    computes: true,
    load: async () => (await import('./export.js')).exportCommand(),
  },
  {
    name: 'selftest',
    computes: true,
    load: async () => (await import('./selftest.js')).selftestCommand(),
  },
  {
    name: 'bench',
    computes: true,
    load: async () => (await import('./bench.js')).benchCommand(),
  },
  {
    name: 'doctor',
    load: async () => (await import('./doctor.js')).doctorCommand(),
  },
  {
    name: 'install',
    load: async () => (await import('./install.js')).installCommand(),
  },
  {
    name: 'pull',
    load: async () => (await import('./pull.js')).pullCommand(),
  },
  {
    name: 'build',
    load: async () => (await import('./build.js')).buildCommand(),
  },
  {
    name: 'version',
    load: async () => (await import('./version.js')).versionCommand(),
  },
];
