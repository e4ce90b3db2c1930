import { describe, expect, it } from 'vitest';
import { officialArchiveUrl, selectLibtorch, selectNvidiaFiles } from '../../../lib/install/archive.js';
import { flavourForDriver, parseDriverFile, parseFlavour } from '../../../lib/install/cuda.js';
import {
  nvidiaRequirements,
  offeredFlavour,
  requiresDist,
  torchRequirements,
} from '../../../lib/install/wheel-metadata.js';

describe('the flavour for a driver', () => {
  it('is read from the kernel module', () => {
    const open =
      'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (root@host)\n';
    const closed =
      'NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n';
    expect(parseDriverFile(open)).toBe('580.65.06');
    expect(parseDriverFile(closed)).toBe('535.183.01');
  });

  it.each([
    ['581.2.1', 'cu130'],
    ['575.57.08', 'cu128'],
    ['535.183.01', 'cu126'],
    ['470.82.01', 'cpu'],
    [undefined, 'cu126'],
  ])('is that of driver %s: %s', (version, flavour) => {
    expect(flavourForDriver({ version })).toBe(flavour);
  });

  it('is the CPU without a driver, and what was asked for otherwise', () => {
    expect(parseFlavour('auto', () => undefined)).toBe('cpu');
    expect(parseFlavour('cu128', () => undefined)).toBe('cu128');
    expect(() => parseFlavour('rocm')).toThrow(/none of auto, cpu, cu126/);
  });
});

describe('what is taken out of archives', () => {
  it.each([
    ['libtorch/lib/libtorch.so', 'lib/libtorch.so'],
    ['torch/include/ATen/ATen.h', 'include/ATen/ATen.h'],
    ['torch/version.py', 'version.py'],
    ['libtorch/build-version', 'build-version'],
    ['torch/lib/libtorch_python.so', undefined],
    ['torch/nn/modules/linear.py', undefined],
    ['torch/bin/protoc', undefined],
    ['other/lib/libtorch.so', undefined],
  ])('%s -> %s', (name, path) => {
    expect(selectLibtorch(name)).toBe(path);
  });

  it.each([
    ['nvidia/cublas/lib/libcublas.so.12', 'lib/libcublas.so.12'],
    ['nvidia/cu13/lib/libnvrtc-builtins.so.13.0', 'lib/libnvrtc-builtins.so.13.0'],
    ['nvidia/cublas/include/cublas_v2.h', 'include/cublas_v2.h'],
    ['nvidia/cu13/include/cusparse.h', 'include/cusparse.h'],
    ['nvidia/cu13/include/cudnn.h', undefined],
    ['nvidia/nccl/include/nccl.h', 'include/nccl.h'],
    ['nvidia/nccl/include/nccl_device.h', undefined],
  ])('%s -> %s', (name, path) => {
    expect(selectNvidiaFiles(name)).toBe(path);
  });

  it('names the official archive', () => {
    expect(officialArchiveUrl('2.13.0', 'cpu')).toMatch(
      /\/cpu\/libtorch-shared-with-deps-2\.13\.0%2Bcpu\.zip$/,
    );
  });
});

describe('what pip is asked for', () => {
  it('is the exact build first; a CUDA build is never a CPU build', () => {
    expect(torchRequirements('2.13.0', 'cpu')).toEqual(['torch==2.13.0+cpu', 'torch==2.13.0']);
    expect(torchRequirements('2.13.0', 'cu130')).toEqual([
      'torch==2.13.0+cu130',
      'torch==2.13.0,!=2.13.0+cpu',
    ]);
  });

  it("are NVIDIA's packages that the wheel asks for", () => {
    const metadata = [
      'Requires-Dist: filelock',
      'Requires-Dist: nvidia-cublas-cu12==12.8.4.1; platform_system == "Linux"',
      'Requires-Dist: cuda-toolkit[cublas,cudart]==13.0.2; platform_system == "Linux"',
      'Requires-Dist: cuda-bindings<14,>=13.0.3; platform_system == "Linux"',
      'Requires-Dist: nvidia-nccl-cu13 (==2.28.9) ; platform_system == "Linux"',
    ].join('\n');
    expect(nvidiaRequirements(requiresDist(metadata))).toEqual([
      'nvidia-cublas-cu12==12.8.4.1',
      'cuda-toolkit[cublas,cudart]==13.0.2',
      'nvidia-nccl-cu13==2.28.9',
    ]);
  });

  it.each([
    [['filelock', 'sympy>=1.13'], 'cpu'],
    [
      ['nvidia-cublas-cu12==12.8.4.1', 'nvidia-cuda-runtime-cu12==12.8.90; platform_system == "Linux"'],
      'cu128',
    ],
    [['cuda-toolkit[cublas,cudart]==13.0.2; platform_system == "Linux"'], 'cu130'],
    [['nvidia-cublas<=13.1.1.3,>=13.1.0.3'], 'cuda'],
  ])('%j are those of a build for %s', (requires, flavour) => {
    expect(offeredFlavour(requires)).toBe(flavour);
  });
});
