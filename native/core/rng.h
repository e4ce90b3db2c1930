// Random numbers that mean the same on every device: drawn on the CPU, as torch.manual_seed would have them.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace svg {

/// A CPU generator as torch.Generator().manual_seed(seed).
at::Generator seeded_generator(int64_t seed);

/// torch.randn(shape) after torch.manual_seed(seed), fp32 on the CPU.
at::Tensor seeded_noise(int64_t seed, at::IntArrayRef shape);

/// One picture's noise per seed: (seeds, *shape). Row i is seeded_noise(seeds[i], shape), whatever stands beside it.
at::Tensor seeded_noise_batch(const std::vector<int64_t>& seeds, at::IntArrayRef shape);

/// The generator's whole state; restoring it continues the same stream of numbers.
std::vector<uint8_t> save_generator_state(const at::Generator& generator);
/// Throws Error(kFileFormat) for bytes that are no state of a CPU generator.
void restore_generator_state(at::Generator& generator, const std::vector<uint8_t>& state);

}  // namespace svg
