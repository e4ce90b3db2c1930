/** What the engine has. Written by scripts/write-facts.mjs: npm run facts, after a build. */

/** Codes that the C++ engine raises. */
export const NATIVE_ERROR_CODES = [
  'ERR_SVGT2I_INVALID_ARGUMENT',
  'ERR_SVGT2I_INVALID_CONFIG',
  'ERR_SVGT2I_FILE_NOT_FOUND',
  'ERR_SVGT2I_FILE_FORMAT',
  'ERR_SVGT2I_UNSAFE_FILE',
  'ERR_SVGT2I_WEIGHTS_MISMATCH',
  'ERR_SVGT2I_IO',
  'ERR_SVGT2I_DISK_FULL',
  'ERR_SVGT2I_OUT_OF_MEMORY',
  'ERR_SVGT2I_DEVICE_UNAVAILABLE',
  'ERR_SVGT2I_CANCELLED',
  'ERR_SVGT2I_DISPOSED',
  'ERR_SVGT2I_NOT_LOADED',
  'ERR_SVGT2I_NUMERIC',
  'ERR_SVGT2I_RANKS',
  'ERR_SVGT2I_INTERNAL',
] as const;

/** Jobs of the engine, those for tests among them. */
export const JOB_KINDS = [
  'bench',
  'cache-write',
  'catalogue',
  'convert',
  'decode',
  'dist-agree',
  'dist-barrier',
  'dist-close',
  'dist-gather',
  'dist-open',
  'dist-reduce',
  'encode',
  'encoder-source',
  'generate-text',
  'golden',
  'init-weights',
  'inspect',
  'load',
  'memory',
  'read-tensors',
  'sample',
  'sleep',
  'statistics-add',
  'statistics-save',
  'train-close',
  'train-export',
  'train-open',
  'train-publish',
  'train-restore',
  'train-save',
  'train-step',
  'verify',
] as const;

/** What weights and features are stored in. */
export const STORED_DTYPES = ['fp32', 'bf16', 'fp16'] as const;

/** Ways to integrate the flow, in the order in which they are shown. */
export const SOLVERS = [
  'dpm++',
  'euler',
  'midpoint',
  'heun',
  'heun3',
  'rk4',
  'dopri5',
  'bosh3',
  'fehlberg2',
  'adaptive_heun',
] as const;

/** Their family, the settings that each reads, its usual time shift, and the fewest steps that it takes. */
export const SOLVER_FACTS = {
  'dpm++': {
    title: 'DPM-Solver++',
    family: 'dpm',
    fields: ['steps', 'order', 'method', 'skipType', 'shift'],
    shift: 10,
    leastSteps: 1,
  },
  euler: {
    title: "Euler's method, first order",
    family: 'fixed',
    fields: ['steps', 'shift'],
    shift: 6,
    leastSteps: 2,
  },
  midpoint: {
    title: 'midpoint method, second order',
    family: 'fixed',
    fields: ['steps', 'shift'],
    shift: 6,
    leastSteps: 2,
  },
  heun: {
    title: "Heun's method, second order",
    family: 'fixed',
    fields: ['steps', 'shift'],
    shift: 6,
    leastSteps: 2,
  },
  heun3: {
    title: "Heun's method, third order",
    family: 'fixed',
    fields: ['steps', 'shift'],
    shift: 6,
    leastSteps: 2,
  },
  rk4: {
    title: 'Runge-Kutta, fourth order (3/8 rule)',
    family: 'fixed',
    fields: ['steps', 'shift'],
    shift: 6,
    leastSteps: 2,
  },
  dopri5: {
    title: 'Dormand-Prince, fifth order',
    family: 'adaptive',
    fields: ['atol', 'rtol'],
    shift: 1,
    leastSteps: 1,
  },
  bosh3: {
    title: 'Bogacki-Shampine, third order',
    family: 'adaptive',
    fields: ['atol', 'rtol'],
    shift: 1,
    leastSteps: 1,
  },
  fehlberg2: {
    title: 'Fehlberg, second order',
    family: 'adaptive',
    fields: ['atol', 'rtol'],
    shift: 1,
    leastSteps: 1,
  },
  adaptive_heun: {
    title: "Heun's method with Euler's as its error",
    family: 'adaptive',
    fields: ['atol', 'rtol'],
    shift: 1,
    leastSteps: 1,
  },
} as const;

/** Vision encoders: patterns of their files, their key in a yaml, and the channels of each published size. */
export const ENCODERS = {
  dinov3: {
    title: 'DINOv3 ViT',
    files: '^dinov3(?!.*(stats|head)).*vit',
    yamlKey: 'dinoconfig',
    presets: {
      dinov3_vits16: 384,
      dinov3_vits16plus: 384,
      dinov3_vitb16: 768,
      dinov3_vitl16: 1024,
      dinov3_vitl16plus: 1024,
      dinov3_vith16plus: 1280,
      dinov3_vit7b16: 4096,
    },
  },
  dinov2: {
    title: 'DINOv2 ViT',
    files: '^dinov2(?!.*(stats|head))',
    yamlKey: 'dinoconfig',
    presets: {
      dinov2_vits14: 384,
      dinov2_vits14_reg: 384,
      dinov2_vitb14: 768,
      dinov2_vitb14_reg: 768,
      dinov2_vitl14: 1024,
      dinov2_vitl14_reg: 1024,
      dinov2_vitg14: 1536,
      dinov2_vitg14_reg: 1536,
    },
  },
  siglip2: {
    title: 'SigLIP2 vision tower',
    files: '^siglip2?(?!.*stats)',
    yamlKey: 'siglipconfig',
    presets: {
      'siglip2-base-patch16-224': 768,
      'siglip2-base-patch16-256': 768,
      'siglip2-base-patch16-384': 768,
      'siglip2-base-patch16-512': 768,
      'siglip2-base-patch32-256': 768,
      'siglip2-large-patch16-256': 1024,
      'siglip2-large-patch16-384': 1024,
      'siglip2-large-patch16-512': 1024,
      'siglip2-so400m-patch14-224': 1152,
      'siglip2-so400m-patch14-384': 1152,
      'siglip2-so400m-patch16-256': 1152,
      'siglip2-so400m-patch16-384': 1152,
      'siglip2-so400m-patch16-512': 1152,
      'siglip2-giant-opt-patch16-256': 1536,
      'siglip2-giant-opt-patch16-384': 1536,
    },
  },
  mae: {
    title: 'MAE encoder',
    files: '^(vit[-_])?mae(?!.*(stats|finetuned))',
    yamlKey: 'maeconfig',
    presets: { mae_vit_base_patch16: 768, mae_vit_large_patch16: 1024, mae_vit_huge_patch14: 1280 },
  },
} as const;

/** Residual branches of Autoencoder-R, with the channels of each name that `vit_type` of a yaml has for them. */
export const RESIDUALS = {
  rope: { title: 'residual branch', presets: { 'vit-rope-s': 8, 'rope-s': 8 } },
  torchvision: { title: 'residual branch of SVG', presets: {} },
} as const;
