#include "core/rng.h"

#include <ATen/CPUGeneratorImpl.h>

#include <cstring>

#include "core/error.h"

namespace svg {
namespace {

// The state that both words of a seed give. Source: init_by_array of Matsumoto and Nishimura's mt19937ar (2002), as
// Python's random.seed calls it.
at::mt19937 engine_of_words(uint32_t low, uint32_t high) {
  const uint32_t key[] = {low, high};
  at::mt19937 engine(19650218);
  at::mt19937_data_pod data = engine.data();
  auto& state = data.state_;
  const uint32_t size = static_cast<uint32_t>(state.size());
  uint32_t i = 1;
  const auto before = [&] { return state[i - 1] ^ (state[i - 1] >> 30); };
  const auto advance = [&] {
    if (++i < size) return;
    state[0] = state[size - 1];
    i = 1;
  };
  for (uint32_t k = 0; k < size; ++k, advance()) state[i] = (state[i] ^ (before() * 1664525)) + key[k % 2] + k % 2;
  for (uint32_t k = 1; k < size; ++k, advance()) state[i] = (state[i] ^ (before() * 1566083941)) - i;
  state[0] = 0x80000000;
  engine.set_data(data);
  return engine;
}

}  // namespace

at::Generator torch_generator(uint64_t seed) { return at::detail::createCPUGenerator(seed); }

at::Generator seeded_generator(int64_t seed) {
  at::Generator generator = torch_generator(static_cast<uint64_t>(seed));
  // torch reads the low word alone, a negative seed as its two's complement.
  const auto high = static_cast<uint32_t>(seed < 0 ? 0 : seed >> 32);
  if (high != 0) {
    generator.get<at::CPUGeneratorImpl>()->set_engine(engine_of_words(static_cast<uint32_t>(seed), high));
  }
  return generator;
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
