// Features of a dataset, encoded once: shards in safetensors, read where they are mapped.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

namespace svg {

class Checkpoint;

/// A shard holds, for N samples: "latents" (N, C, h, w), not normalised; "captions" (sum of L, D), one after the other;
/// "offsets" (N + 1) int64, where each begins. A shard of captions alone has no "latents".
class FeatureCache {
 public:
  /// Opens all shards. Throws as open_checkpoint does, and Error(kFileFormat) for files that are no shards.
  explicit FeatureCache(const std::vector<std::string>& paths);

  /// (C, h, w) fp32. Throws Error(kInvalidArgument) for a row that is not there.
  at::Tensor latent(int64_t shard, int64_t row) const;
  /// (L, D) fp32.
  at::Tensor caption(int64_t shard, int64_t row) const;

 private:
  struct Shard {
    std::string path;
    std::shared_ptr<Checkpoint> file;
    at::Tensor latents, captions;
    std::vector<int64_t> offsets;
  };

  const Shard& at(int64_t shard, int64_t row) const;

  std::vector<Shard> shards_;
};

/// Writes a shard; `latents` may be empty (captions alone), and else are of one shape. Features are stored in `dtype`.
void write_feature_shard(const std::string& path, const std::vector<at::Tensor>& latents,
                         const std::vector<at::Tensor>& captions, at::ScalarType dtype);

}  // namespace svg
