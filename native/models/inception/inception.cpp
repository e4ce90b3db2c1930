#include "models/inception/inception.h"

#include "core/cancel.h"
#include "core/error.h"
#include "ops/tensorflow_resize.h"

namespace svg {
namespace {

constexpr size_t kFirstPool = 3, kSecondPool = 5;  // convolutions of the stem before its max pools
constexpr int64_t kSpatialChannels = 7;
const char* const kTelling = "Mixed_7c.branch3x3dbl_3b.conv.weight";

const std::vector<ConvShape> kStem = {{"Conv2d_1a_3x3", 32, 3, 3, 2},
                                      {"Conv2d_2a_3x3", 32, 3, 3, 1, false},
                                      {"Conv2d_2b_3x3", 64, 3, 3},
                                      {"Conv2d_3b_1x1", 80, 1, 1},
                                      {"Conv2d_4a_3x3", 192, 3, 3, 1, false}};

MixedShape block_35(const char* name, int64_t pool_out) {
  return {name,
          {{{{"branch1x1", 64, 1, 1}}},
           {{{"branch5x5_1", 48, 1, 1}, {"branch5x5_2", 64, 5, 5}}},
           {{{"branch3x3dbl_1", 64, 1, 1}, {"branch3x3dbl_2", 96, 3, 3}, {"branch3x3dbl_3", 96, 3, 3}}}},
          BlockPool::kAverage,
          pool_out};
}

MixedShape block_35_to_17(const char* name) {
  return {name,
          {{{{"branch3x3", 384, 3, 3, 2}}},
           {{{"branch3x3dbl_1", 64, 1, 1}, {"branch3x3dbl_2", 96, 3, 3}, {"branch3x3dbl_3", 96, 3, 3, 2}}}},
          BlockPool::kHalvesMax};
}

/// `narrow`: channels between the convolutions of 7.
MixedShape block_17(const char* name, int64_t narrow) {
  return {name,
          {{{{"branch1x1", 192, 1, 1}}},
           {{{"branch7x7_1", narrow, 1, 1}, {"branch7x7_2", narrow, 1, 7}, {"branch7x7_3", 192, 7, 1}}},
           {{{"branch7x7dbl_1", narrow, 1, 1},
             {"branch7x7dbl_2", narrow, 7, 1},
             {"branch7x7dbl_3", narrow, 1, 7},
             {"branch7x7dbl_4", narrow, 7, 1},
             {"branch7x7dbl_5", 192, 1, 7}}}},
          BlockPool::kAverage,
          192};
}

MixedShape block_17_to_8(const char* name) {
  return {name,
          {{{{"branch3x3_1", 192, 1, 1}, {"branch3x3_2", 320, 3, 3, 2}}},
           {{{"branch7x7x3_1", 192, 1, 1},
             {"branch7x7x3_2", 192, 1, 7},
             {"branch7x7x3_3", 192, 7, 1},
             {"branch7x7x3_4", 192, 3, 3, 2}}}},
          BlockPool::kHalvesMax};
}

MixedShape block_8(const char* name, BlockPool pool) {
  return {name,
          {{{{"branch1x1", 320, 1, 1}}},
           {{{"branch3x3_1", 384, 1, 1}}, {{"branch3x3_2a", 384, 1, 3}, {"branch3x3_2b", 384, 3, 1}}},
           {{{"branch3x3dbl_1", 448, 1, 1}, {"branch3x3dbl_2", 384, 3, 3}},
            {{"branch3x3dbl_3a", 384, 1, 3}, {"branch3x3dbl_3b", 384, 3, 1}}}},
          pool,
          192};
}

const std::vector<MixedShape> kBlocks = {
    block_35("Mixed_5b", 32), block_35("Mixed_5c", 64), block_35("Mixed_5d", 64), block_35_to_17("Mixed_6a"),
    block_17("Mixed_6b", 128), block_17("Mixed_6c", 160), block_17("Mixed_6d", 160), block_17("Mixed_6e", 192),
    block_17_to_8("Mixed_7a"), block_8("Mixed_7b", BlockPool::kAverage),
    // In the graph of 2015 the last block takes the maximum.
    block_8("Mixed_7c", BlockPool::kMax)};
constexpr size_t kMixed6d = 6, kMixed6e = 7;

}  // namespace

Inception::Inception(const Weights& weights) {
  int64_t in = 3;
  for (const ConvShape& shape : kStem) {
    stem_.emplace_back(weights.scope(shape.name), in, shape);
    in = shape.out;
  }
  for (const MixedShape& shape : kBlocks) {
    blocks_.emplace_back(weights.scope(shape.name), in, shape);
    in = blocks_.back().out();
  }
  weight_ = weights.get("fc.weight", {kClasses, kPool}, Init::kaiming_uniform()).clone();
  bias_ = weights.get("fc.bias", {kClasses}, Init::zeros(), Role::kBuffer).clone();
}

bool Inception::is_spare(const std::string& name) { return name.ends_with(".num_batches_tracked"); }

int64_t Inception::classes_of(const Weights& weights) {
  const auto last = weights.shape_of("fc.weight");
  const bool known = weights.has(kTelling) && last && last->size() == 2 && last->at(1) == kPool;
  return known ? last->at(0) : 0;
}

std::optional<std::string> Inception::recognise(const Weights& weights) {
  const int64_t classes = classes_of(weights);
  if (classes == 0) return std::nullopt;
  return concat(classes == kClasses ? "FID's Inception v3" : "Inception v3, not FID's", " (", classes, " classes)");
}

InceptionFeatures Inception::operator()(const at::Tensor& input, const Tap& tap) const {
  const auto told = [&](const char* name, const at::Tensor& x) {
    if (tap) tap(name, x);
  };
  at::Tensor x = input;
  for (size_t i = 0; i < stem_.size(); ++i) {
    x = stem_[i](x);
    if (i + 1 != kFirstPool && i + 1 != kSecondPool) continue;
    check_cancelled();
    x = at::max_pool2d(x, {3, 3}, {2, 2});
    told(i + 1 == kFirstPool ? "64" : "192", x);
  }
  InceptionFeatures features;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    check_cancelled();
    at::Tensor first;
    x = blocks_[i](x, i == kMixed6d ? &first : nullptr);
    if (i == kMixed6d) features.spatial = first.slice(1, 0, kSpatialChannels).permute({0, 2, 3, 1}).flatten(1);
    if (i == kMixed6e) told("768", x);
  }
  features.pool = x.mean({2, 3});
  features.logits = at::linear(features.pool, weight_);
  return features;
}

at::Tensor inception_input(const std::vector<at::Tensor>& pictures) {
  const auto count = static_cast<int64_t>(pictures.size());
  const at::Tensor rows = at::empty({count, Inception::kSide, Inception::kSide, 3}, at::kFloat);
  for (int64_t i = 0; i < count; ++i) {
    tensorflow_resize_into(pictures[static_cast<size_t>(i)], rows[i], -128, 1.0 / 128);
  }
  return rows.permute({0, 3, 1, 2});  // as it lies: channels-last
}

}  // namespace svg
