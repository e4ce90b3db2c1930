// Runner of FID's Inception v3.
#include "golden/inception.h"

#include "models/inception/inception.h"
#include "ops/tensorflow_resize.h"

namespace svg {
namespace {

/// Of other scorers, which resize otherwise before the same network; for information.
bool is_other_convention(const std::string& output) {
  return output.starts_with("pytorch_fid.") || output.starts_with("clean_fid.");
}

at::Tensor resized_at(const GoldenCase& golden, const at::Tensor& picture) {
  const at::Tensor whole = tensorflow_resize(picture, Inception::kSide);
  return whole.index_select(0, golden.input("rows").to(at::kCPU)).index_select(1, golden.input("cols").to(at::kCPU));
}

}  // namespace

void run_inception(GoldenCase& golden) {
  const Inception network(golden.weights());
  std::map<std::string, std::vector<at::Tensor>> found;
  const double resized_atol = golden.spec().at("tolerance").get_double("resized_atol", 0);
  const int64_t pictures = golden.config().at("pictures").as_int();
  for (int64_t i = 0; i < pictures; ++i) {
    const at::Tensor picture = golden.input(std::to_string(i)).to(at::kCPU);
    const std::string resized = concat("resized.", i);
    golden.expect_close(resized, resized_at(golden, picture), golden.output(resized), resized_atol, 0);
    const auto keep_mean = [&](const char* name, const at::Tensor& x) { found[name].push_back(x.mean({2, 3})); };
    const InceptionFeatures features = network(inception_input({picture}).to(golden.device()), keep_mean);
    found["2048"].push_back(features.pool);
    found["logits_unbiased"].push_back(features.logits);
    found["logits"].push_back(features.logits + network.logits_bias());
    found["spatial"].push_back(features.spatial);
  }
  for (const std::string& name : golden.output_names()) {
    if (name.starts_with("resized.") || is_other_convention(name)) continue;
    const auto rows = found.find(name);
    if (rows == found.end()) {
      golden.fail("output \"" + name + "\" is none that the module gives");
    } else {
      golden.expect(name, at::cat(rows->second));
    }
  }
}

}  // namespace svg
