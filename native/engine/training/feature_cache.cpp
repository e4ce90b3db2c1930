#include "engine/training/feature_cache.h"

#include "core/error.h"
#include "io/checkpoint.h"
#include "io/safetensors_writer.h"

namespace svg {
namespace {

std::vector<int64_t> read_offsets(const Checkpoint& file, int64_t rows) {
  const at::Tensor stored = file.read("offsets").to(at::kLong).contiguous();
  std::vector<int64_t> offsets(stored.const_data_ptr<int64_t>(), stored.const_data_ptr<int64_t>() + stored.numel());
  const bool rising = std::is_sorted(offsets.begin(), offsets.end());
  SVG_CHECK(!offsets.empty() && rising && offsets.front() == 0 && offsets.back() == rows, ErrorCode::kFileFormat,
            file.path(), ": \"offsets\" do not divide the ", rows, " rows of \"captions\"");
  return offsets;
}

}  // namespace

FeatureCache::FeatureCache(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    Shard shard;
    shard.path = path;
    shard.file = open_checkpoint(path);
    if (shard.file->has("classes")) {
      shard.classes = shard.file->read("classes").to(at::kLong);
      SVG_CHECK(shard.classes.dim() == 1, ErrorCode::kFileFormat, path, ": \"classes\" has shape ",
                shard.classes.sizes(), ", one number a sample is wanted");
      shard.samples = shard.classes.size(0);
    } else {
      SVG_CHECK(shard.file->has("captions") && shard.file->has("offsets"), ErrorCode::kFileFormat, path,
                " is no shard of a feature cache: it lacks \"captions\" or \"offsets\"");
      shard.captions = shard.file->read("captions");
      SVG_CHECK(shard.captions.dim() == 2, ErrorCode::kFileFormat, path, ": \"captions\" has shape ",
                shard.captions.sizes(), ", (tokens, width) is wanted");
      shard.offsets = read_offsets(*shard.file, shard.captions.size(0));
      shard.samples = static_cast<int64_t>(shard.offsets.size()) - 1;
    }
    if (shard.file->has("latents")) {
      shard.latents = shard.file->read("latents");
      SVG_CHECK(shard.latents.dim() == 4 && shard.latents.size(0) == shard.samples, ErrorCode::kFileFormat, path,
                ": \"latents\" has shape ", shard.latents.sizes(), " for ", shard.samples, " conditions");
    }
    shards_.push_back(std::move(shard));
  }
}

const FeatureCache::Shard& FeatureCache::at(int64_t shard, int64_t row) const {
  SVG_CHECK(shard >= 0 && shard < static_cast<int64_t>(shards_.size()), ErrorCode::kInvalidArgument, "the cache has ",
            shards_.size(), " shards, shard ", shard, " was asked for");
  const Shard& found = shards_[static_cast<size_t>(shard)];
  SVG_CHECK(row >= 0 && row < found.samples, ErrorCode::kInvalidArgument, found.path, " holds ", found.samples,
            " samples, sample ", row, " was asked for");
  return found;
}

at::Tensor FeatureCache::latent(int64_t shard, int64_t row) const {
  const Shard& found = at(shard, row);
  SVG_CHECK(found.latents.defined(), ErrorCode::kInvalidArgument, found.path, " holds conditions alone");
  return found.latents[row];
}

at::Tensor FeatureCache::condition(int64_t shard, int64_t row) const {
  const Shard& found = at(shard, row);
  if (found.classes.defined()) return found.classes.narrow(0, row, 1);
  const int64_t begin = found.offsets[static_cast<size_t>(row)];
  return found.captions.narrow(0, begin, found.offsets[static_cast<size_t>(row) + 1] - begin);
}

void write_feature_shard(const std::string& path, const std::vector<at::Tensor>& latents,
                         const std::vector<at::Tensor>& conditions, at::ScalarType dtype) {
  SVG_CHECK(!conditions.empty(), ErrorCode::kInvalidArgument, "a shard needs at least one condition");
  TensorMap tensors;
  if (conditions[0].scalar_type() == at::kLong) {
    tensors["classes"] = at::cat(conditions, 0);
  } else {
    std::vector<int64_t> offsets = {0};
    for (const at::Tensor& caption : conditions) offsets.push_back(offsets.back() + caption.size(0));
    tensors = {{"captions", at::cat(conditions, 0).to(dtype)}, {"offsets", at::tensor(offsets, at::kLong)}};
  }
  if (!latents.empty()) {
    for (const at::Tensor& latent : latents) {
      SVG_CHECK(latent.sizes() == latents[0].sizes(), ErrorCode::kInvalidArgument,
                "the latents of a shard must have one shape, not ", latents[0].sizes(), " and ", latent.sizes());
    }
    tensors["latents"] = at::stack(latents).to(dtype);
  }
  write_safetensors(path, tensors);
}

}  // namespace svg
