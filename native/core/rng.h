// Random numbers that mean the same on every device: drawn on the CPU, as torch.manual_seed would have them.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace svg {

/// A CPU generator as torch.Generator().manual_seed(seed), which reads the low 32 bits alone.
at::Generator torch_generator(uint64_t seed);

/// The generator of a user's seed: below 2^32 that of torch; above, the high word counts as well.
at::Generator seeded_generator(int64_t seed);

/// randn(shape) from seeded_generator(seed), fp32 on the CPU: torch.randn after torch.manual_seed for seeds below 2^32.
at::Tensor seeded_noise(int64_t seed, at::IntArrayRef shape);

/// One picture's noise per seed: (seeds, *shape). Row i is seeded_noise(seeds[i], shape), whatever stands beside it.
at::Tensor seeded_noise_batch(const std::vector<int64_t>& seeds, at::IntArrayRef shape);

/// The generator's whole state; restoring it continues the same stream of numbers.
std::vector<uint8_t> save_generator_state(const at::Generator& generator);
/// Throws Error(kFileFormat) for bytes that are no state of a CPU generator.
void restore_generator_state(at::Generator& generator, const std::vector<uint8_t>& state);

}  // namespace svg
