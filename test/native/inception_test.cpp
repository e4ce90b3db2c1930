#include "models/inception/inception.h"

#include "core/exact_convolutions.h"
#include "core/rng.h"
#include "golden.h"
#include "ops/tensorflow_resize.h"
#include "plain/plain_inception.h"

using namespace svg;
using namespace svg::test;

TEST_CASE("inception agrees with the reference") { expect_golden("inception"); }

TEST_CASE("inception gives what one operation after the other gives, whatever stands beside a picture") {
  const GoldenCase golden(golden_folder("inception"));
  const Weights weights = golden.weights();
  const Inception network(weights);
  const at::Tensor pictures =
      at::randint(0, 256, {3, 50, 70, 3}, seeded_generator(3), at::TensorOptions().dtype(at::kByte));
  const InceptionFeatures together = network(inception_input(pictures.unbind()));
  const at::Tensor plain = plain_inception(weights, pictures.permute({0, 3, 1, 2}));
  EXPECT(((together.pool - plain).abs() <= 3e-5 + 2e-4 * plain.abs()).all().item<bool>());
  EXPECT(together.spatial.sizes() == at::IntArrayRef({3, 2023}) &&
         together.logits.sizes() == at::IntArrayRef({3, 1008}));
  const at::Tensor alone = network(inception_input({pictures[1]})).pool;
  EXPECT_CLOSE((alone[0] - together.pool[1]).abs().max().item<double>(), 0, 1e-5);
}

TEST_CASE("inception tells its own weights from those of other classes") {
  const auto source = std::make_shared<TrainableSource>(TensorMap{}, seeded_generator(0));
  Inception{Weights(source)};
  TensorMap tensors = source->parameters();
  tensors.insert(source->buffers().begin(), source->buffers().end());
  const auto recognised = [&] { return Inception::recognise(Weights(std::make_shared<MapSource>(tensors, "test"))); };
  EXPECT(recognised() == "FID's Inception v3 (1008 classes)");
  tensors["fc.weight"] = at::zeros({1000, 2048});
  EXPECT(recognised() == "Inception v3, not FID's (1000 classes)");
  tensors.erase("fc.weight");
  EXPECT(!recognised());
  EXPECT(Inception::is_spare("Mixed_5b.branch1x1.bn.num_batches_tracked") && !Inception::is_spare("fc.weight"));
}

TEST_CASE("inception keeps convolutions exact until the last of several engines is done") {
  auto& context = at::globalContext();
  const bool before = context.allowTF32CuDNN();
  context.setAllowTF32CuDNN(true);
  auto first = std::make_unique<ExactConvolutions>(at::kCUDA), second = std::make_unique<ExactConvolutions>(at::kCUDA);
  const bool with_both = context.allowTF32CuDNN();
  first.reset();
  const bool with_second = context.allowTF32CuDNN();
  second.reset();
  const ExactConvolutions of_cpu(at::kCPU);
  const bool after = context.allowTF32CuDNN();
  context.setAllowTF32CuDNN(before);
  EXPECT(!with_both && !with_second && after);
}

TEST_CASE("tensorflow_resize is its plain form, smaller and larger, of one pixel and of its own size") {
  const std::vector<std::pair<int64_t, int64_t>> sizes = {{1, 1}, {1, 9}, {2, 5}, {13, 13}, {40, 17}, {299, 300}};
  for (const auto& [height, width] : sizes) {
    const at::Tensor picture =
        at::randint(0, 256, {height, width, 3}, seeded_generator(height), at::TensorOptions().dtype(at::kByte));
    for (const int64_t side : {int64_t{1}, int64_t{13}, int64_t{299}}) {
      const at::Tensor got = tensorflow_resize(picture, side);
      EXPECT_CLOSE((got - tensorflow_resize_reference(picture, side)).abs().max().item<double>(), 0, 1e-4);
      if (height == side && width == side) EXPECT(at::equal(got, picture.to(at::kFloat)));
    }
  }
  // Two columns to four: the places are 0, 0.5, 1, 1.5, of which the last has no right neighbour.
  const at::Tensor two = at::tensor({0, 0, 0, 100, 100, 100, 0, 0, 0, 100, 100, 100}, at::kByte).view({2, 2, 3});
  const at::Tensor row = tensorflow_resize(two, 4)[0].select(1, 0);
  EXPECT(at::equal(row, at::tensor({0.0f, 50.0f, 100.0f, 100.0f})));
  EXPECT_ERROR(tensorflow_resize(at::zeros({4, 4}, at::kByte), 4), ErrorCode::kInvalidArgument, "uint8");
  EXPECT_ERROR(tensorflow_resize(at::zeros({4, 4, 3}), 4), ErrorCode::kInvalidArgument, "uint8");
  EXPECT_ERROR(tensorflow_resize(at::zeros({0, 4, 3}, at::kByte), 4), ErrorCode::kInvalidArgument, "uint8");
}
