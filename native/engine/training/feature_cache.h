// Features of a dataset, encoded once: shards in safetensors, read where they are mapped.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

namespace svg {

class Checkpoint;

/// A shard holds, for N samples: "latents" (N, C, h, w), not normalised; "captions" (sum of L, D), one after the other,
/// with "offsets" (N + 1) int64, where each begins; or, in place of both, "classes" (N) int64. A shard of conditions
/// alone has no "latents".
class FeatureCache {
 public:
  /// Opens all shards. Throws as open_checkpoint does, and Error(kFileFormat) for files that are no shards.
  explicit FeatureCache(const std::vector<std::string>& paths);

  /// (C, h, w) in the dtype of the shard. Throws Error(kInvalidArgument) for a row that is not there.
  at::Tensor latent(int64_t shard, int64_t row) const;
  /// A caption (L, D) in the dtype of the shard, or a class (1) int64.
  at::Tensor condition(int64_t shard, int64_t row) const;

 private:
  struct Shard {
    std::string path;
    std::shared_ptr<Checkpoint> file;
    int64_t samples = 0;
    at::Tensor latents, captions, classes;
    std::vector<int64_t> offsets;  // of captions
  };

  const Shard& at(int64_t shard, int64_t row) const;

  std::vector<Shard> shards_;
};

/// Writes a shard; `latents` may be empty (conditions alone), and else are of one shape. Features are stored in
/// `dtype`.
void write_feature_shard(const std::string& path, const std::vector<at::Tensor>& latents,
                         const std::vector<at::Tensor>& conditions, at::ScalarType dtype);

}  // namespace svg
