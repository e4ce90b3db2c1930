#include "core/rng.h"

#include "check.h"

namespace svg::test {

TEST_CASE("rng: noise is torch.randn after torch.manual_seed") {
  // torch.manual_seed(1234); torch.randn(2, 3, 4)[1, 2]
  const at::Tensor noise = seeded_noise(1234, {2, 3, 4});
  const double want[] = {-1.45690846, 0.25629175, -0.40304697, 0.41952738};
  for (int i = 0; i < 4; ++i) EXPECT_CLOSE(noise[1][2][i].item<double>(), want[i], 1e-6);
}

TEST_CASE("rng: a picture's noise depends on its seed alone") {
  const at::Tensor batch = seeded_noise_batch({5, 6, 7}, {4, 8, 8});
  EXPECT(batch.sizes() == at::IntArrayRef({3, 4, 8, 8}));
  EXPECT(at::equal(batch[1], seeded_noise(6, {4, 8, 8})));
  EXPECT(!at::equal(batch[0], batch[1]));
  EXPECT_ERROR(seeded_noise_batch({}, {4}), ErrorCode::kInvalidArgument, "no seed");
}

TEST_CASE("rng: a restored generator continues the same stream") {
  at::Generator generator = seeded_generator(3);
  at::randn({7}, generator, at::TensorOptions());
  const std::vector<uint8_t> state = save_generator_state(generator);
  const at::Tensor want = at::randn({33}, generator, at::TensorOptions());
  at::Generator other = seeded_generator(99);
  restore_generator_state(other, state);
  EXPECT(at::equal(at::randn({33}, other, at::TensorOptions()), want));
  EXPECT_ERROR(restore_generator_state(other, {1, 2, 3}), ErrorCode::kFileFormat, "3 bytes");
  EXPECT_ERROR(restore_generator_state(other, std::vector<uint8_t>(state.size(), 0xff)), ErrorCode::kFileFormat,
               "damaged");
}

}  // namespace svg::test
