#include "core/rng.h"

#include <ATen/CPUGeneratorImpl.h>

#include <cstring>

#include "core/error.h"

namespace svg {

at::Generator seeded_generator(int64_t seed) {
  // torch takes a negative seed as its two's complement.
  return at::detail::createCPUGenerator(static_cast<uint64_t>(seed));
}

at::Tensor seeded_noise(int64_t seed, at::IntArrayRef shape) {
  return at::randn(shape, seeded_generator(seed), at::TensorOptions().dtype(at::kFloat));
}

at::Tensor seeded_noise_batch(const std::vector<int64_t>& seeds, at::IntArrayRef shape) {
  SVG_CHECK(!seeds.empty(), ErrorCode::kInvalidArgument, "[rng] no seed given");
  std::vector<at::Tensor> rows;
  for (const int64_t seed : seeds) rows.push_back(seeded_noise(seed, shape));
  return at::stack(rows);
}

std::vector<uint8_t> save_generator_state(const at::Generator& generator) {
  const at::Tensor state = generator.get_state().contiguous();
  const uint8_t* bytes = state.const_data_ptr<uint8_t>();
  return {bytes, bytes + state.numel()};
}

void restore_generator_state(at::Generator& generator, const std::vector<uint8_t>& state) {
  const int64_t size = static_cast<int64_t>(state.size());
  SVG_CHECK(size == generator.get_state().numel(), ErrorCode::kFileFormat, "[rng] a generator state of ", size,
            " bytes, ", generator.get_state().numel(), " are wanted");
  const at::Tensor bytes = at::empty({size}, at::kByte);
  std::memcpy(bytes.mutable_data_ptr(), state.data(), state.size());
  try {
    generator.set_state(bytes);
  } catch (const c10::Error& error) {
    throw Error(ErrorCode::kFileFormat, "[rng] the generator state is damaged");
  }
}

}  // namespace svg
