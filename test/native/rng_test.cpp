#include "core/rng.h"

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "check.h"
#include "golden/case.h"

namespace svg::test {

TEST_CASE("rng: noise is torch.randn after torch.manual_seed") {
  // torch.manual_seed(1234); torch.randn(2, 3, 4)[1, 2]
  const at::Tensor noise = seeded_noise(1234, {2, 3, 4});
  const double want[] = {-1.45690846, 0.25629175, -0.40304697, 0.41952738};
  for (int i = 0; i < 4; ++i) EXPECT_CLOSE(noise[1][2][i].item<double>(), want[i], 1e-6);
}

TEST_CASE("rng: from 2^32 on both words of a seed count") {
  // Python: random.seed(s); random.getrandbits(32), twice
  const struct {
    int64_t seed;
    int64_t first, second;
  } cases[] = {{(int64_t{1} << 32) + 7, 968553300, 3287823873},
               {int64_t{1} << 40, 445128065, 1517081360},
               {(int64_t{1} << 53) - 1, 404802386, 2407860725}};
  for (const auto& [seed, first, second] : cases) {
    at::Generator generator = seeded_generator(seed);
    auto* cpu = generator.get<at::CPUGeneratorImpl>();
    EXPECT(cpu->random() == first);
    EXPECT(cpu->random() == second);
  }
  const std::vector<int64_t> shape = {4, 8, 8};
  EXPECT(!at::equal(seeded_noise(7, shape), seeded_noise((int64_t{1} << 32) + 7, shape)));
  EXPECT(!at::equal(seeded_noise(0, shape), seeded_noise(int64_t{1} << 40, shape)));
  EXPECT(!at::equal(seeded_noise(int64_t{1} << 32, shape), seeded_noise(int64_t{1} << 33, shape)));
  // The largest of one word, and negative ones, are those of torch.
  const int64_t word = 0xffffffff;
  EXPECT(at::equal(seeded_noise(word, shape), at::randn(shape, torch_generator(word), at::TensorOptions())));
  EXPECT(at::equal(seeded_noise(-5, shape), at::randn(shape, torch_generator(-5), at::TensorOptions())));
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
  at::Generator large = seeded_generator((int64_t{1} << 40) + 3);
  at::randn({7}, large, at::TensorOptions());
  const std::vector<uint8_t> large_state = save_generator_state(large);
  const at::Tensor large_want = at::randn({33}, large, at::TensorOptions());
  at::Generator large_other = seeded_generator(0);
  restore_generator_state(large_other, large_state);
  EXPECT(at::equal(at::randn({33}, large_other, at::TensorOptions()), large_want));
  EXPECT(at::equal(at::randn({33}, other, at::TensorOptions()), want));
  EXPECT_ERROR(restore_generator_state(other, {1, 2, 3}), ErrorCode::kFileFormat, "3 bytes");
  EXPECT_ERROR(restore_generator_state(other, std::vector<uint8_t>(state.size(), 0xff)), ErrorCode::kFileFormat,
               "damaged");
}

TEST_CASE("rng: seeded weights of golden cases are drawn by name, made positive, then moved") {
  const Json keys = Json::parse(R"({"b.running_var": [3], "a.weight": [2], "c.weight": [4, 2]})");
  const Json offset = Json::parse(R"({"running_var": 0.5, "a": 7})");  // last parts of names, whole
  const TensorMap plain = draw_seeded_weights(5, 2, keys, {});
  const TensorMap moved = draw_seeded_weights(5, 2, keys, {"b.running_var"}, &offset);
  at::Generator generator = seeded_generator(5);
  const auto drawn = [&](at::IntArrayRef shape) { return at::randn(shape, generator, at::TensorOptions()); };
  EXPECT(at::equal(plain.at("a.weight"), 1 + 0.2 * drawn({2})));
  EXPECT(at::equal(plain.at("b.running_var"), 0.1 * drawn({3})));
  EXPECT(at::allclose(plain.at("c.weight"), 2 * drawn({4, 2}) / std::sqrt(2.0)));
  EXPECT(at::equal(moved.at("b.running_var"), plain.at("b.running_var").abs() + 0.5));
  EXPECT(at::equal(moved.at("a.weight"), plain.at("a.weight")) &&
         at::equal(moved.at("c.weight"), plain.at("c.weight")));
}

}  // namespace svg::test
