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
    Shard shard{path, open_checkpoint(path), {}, {}, {}};
    SVG_CHECK(shard.file->has("captions") && shard.file->has("offsets"), ErrorCode::kFileFormat, path,
              " is no shard of a feature cache: it lacks \"captions\" or \"offsets\"");
    shard.captions = shard.file->read("captions");
    SVG_CHECK(shard.captions.dim() == 2, ErrorCode::kFileFormat, path, ": \"captions\" has shape ",
              shard.captions.sizes(), ", (tokens, width) is wanted");
    shard.offsets = read_offsets(*shard.file, shard.captions.size(0));
    if (shard.file->has("latents")) {
      shard.latents = shard.file->read("latents");
      const auto samples = static_cast<int64_t>(shard.offsets.size()) - 1;
      SVG_CHECK(shard.latents.dim() == 4 && shard.latents.size(0) == samples, ErrorCode::kFileFormat, path,
                ": \"latents\" has shape ", shard.latents.sizes(), " for ", samples, " captions");
    }
    shards_.push_back(std::move(shard));
  }
}

const FeatureCache::Shard& FeatureCache::at(int64_t shard, int64_t row) const {
  SVG_CHECK(shard >= 0 && shard < static_cast<int64_t>(shards_.size()), ErrorCode::kInvalidArgument, "the cache has ",
            shards_.size(), " shards, shard ", shard, " was asked for");
  const Shard& found = shards_[static_cast<size_t>(shard)];
  const auto samples = static_cast<int64_t>(found.offsets.size()) - 1;
  SVG_CHECK(row >= 0 && row < samples, ErrorCode::kInvalidArgument, found.path, " holds ", samples, " samples, sample ",
            row, " was asked for");
  return found;
}

at::Tensor FeatureCache::latent(int64_t shard, int64_t row) const {
  const Shard& found = at(shard, row);
  SVG_CHECK(found.latents.defined(), ErrorCode::kInvalidArgument, found.path, " holds captions alone");
  return found.latents[row].to(at::kFloat);
}

at::Tensor FeatureCache::caption(int64_t shard, int64_t row) const {
  const Shard& found = at(shard, row);
  const int64_t begin = found.offsets[static_cast<size_t>(row)];
  return found.captions.narrow(0, begin, found.offsets[static_cast<size_t>(row) + 1] - begin).to(at::kFloat);
}

void write_feature_shard(const std::string& path, const std::vector<at::Tensor>& latents,
                         const std::vector<at::Tensor>& captions, at::ScalarType dtype) {
  SVG_CHECK(!captions.empty(), ErrorCode::kInvalidArgument, "a shard needs at least one caption");
  std::vector<int64_t> offsets = {0};
  for (const at::Tensor& caption : captions) offsets.push_back(offsets.back() + caption.size(0));
  TensorMap tensors = {{"captions", at::cat(captions, 0).to(dtype)}, {"offsets", at::tensor(offsets, at::kLong)}};
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
