#include "io/convert.h"

#include <cstring>
#include <filesystem>

#include "core/cancel.h"
#include "core/error.h"
#include "io/atomic_file.h"
#include "io/checkpoint.h"
#include "io/safetensors_writer.h"
#include "io/shard_plan.h"

namespace svg {
namespace {

namespace fs = std::filesystem;

std::optional<at::ScalarType> target_dtype(const std::string& name) {
  if (name == "keep") return std::nullopt;
  if (name == "fp32") return at::kFloat;
  if (name == "bf16") return at::kBFloat16;
  if (name == "fp16") return at::kHalf;
  throw Error(ErrorCode::kInvalidArgument, concat("dtype \"", name, "\" is none of fp32, bf16, fp16, keep"));
}

class Converter {
 public:
  Converter(const Request& request, const FileProgress& progress)
      : input_(open_checkpoint(request.at("input").as_string())),
        dtype_(target_dtype(request.at("dtype").as_string())),
        resume_(request.at("resume").as_bool()),
        overwrite_(request.at("overwrite").as_bool()),
        progress_(progress) {
    SVG_CHECK(!input_->tensors().empty(), ErrorCode::kInvalidArgument, input_->path(), " holds no tensors");
    std::map<std::string, TensorInfo> tensors = input_->tensors();
    for (auto& [name, info] : tensors) {
      if (!info.listed.empty()) input_->read_part(name, 0, 0);  // throws, before anything is written
      if (dtype_ && info.is_floating()) info.dtype = *dtype_;
    }
    plan_ = plan_shards(request.at("output").as_string(), tensors, request.at("maxShardBytes").as_int());
    request.check_all_read();
  }

  Json run() {
    const std::vector<bool> finished = find_finished();
    Json files = Json::array();
    int64_t kept = 0;
    for (size_t i = 0; i < plan_.shards.size(); ++i) {
      const std::string path = path_of(plan_.shards[i].file);
      if (finished[i]) {
        ++kept;
      } else {
        write(plan_.shards[i], path);
        SVG_CHECK(holds(plan_.shards[i], path), ErrorCode::kIo, path, ": what was read back is not what was written",
                  " (a faulty disk?)");
      }
      files.push_back(path);
    }
    if (!plan_.index.empty()) files.push_back(write_index());
    return Json::Object{{"input", input_->path()},
                        {"files", std::move(files)},
                        {"kept", kept},
                        {"tensors", input_->tensors().size()},
                        {"bytes", plan_.bytes}};
  }

 private:
  std::string path_of(const std::string& name) const { return (fs::path(plan_.folder) / name).string(); }

  // Looks at all files in the way before the first is written.
  std::vector<bool> find_finished() {
    std::vector<bool> finished;
    for (const Shard& shard : plan_.shards) {
      const std::string path = path_of(shard.file);
      const bool there = fs::exists(path);
      finished.push_back(there && resume_ && holds(shard, path));
      SVG_CHECK(!there || finished.back() || overwrite_, ErrorCode::kInvalidArgument, path,
                " exists and is not what this conversion writes (--overwrite replaces it)");
    }
    return finished;
  }

  at::Tensor converted(const std::string& name) const {
    const at::Tensor stored = input_->read(name);
    if (!dtype_ || !at::isFloatingType(stored.scalar_type()) || stored.scalar_type() == *dtype_) return stored;
    const at::Tensor cast = stored.to(*dtype_);
    if (*dtype_ == at::kHalf) {
      SVG_CHECK(at::isinf(cast).sum().item<int64_t>() == at::isinf(stored.to(at::kFloat)).sum().item<int64_t>(),
                ErrorCode::kNumeric, "tensor \"", name, "\" of ", input_->path(),
                " has values beyond fp16 (65504): use bf16");
    }
    return cast;
  }

  void write(const Shard& shard, const std::string& path) {
    SafetensorsWriter writer(path, shard.tensors, {{"format", "pt"}});
    for (const std::string& name : writer.order()) {
      check_cancelled();
      writer.add(converted(name));
      input_->release(name);
      advance(name, shard.tensors.at(name).bytes());
    }
    writer.commit();
  }

  // True where the file at `path` holds exactly the shard's tensors, to the byte.
  bool holds(const Shard& shard, const std::string& path) {
    std::shared_ptr<Checkpoint> file;
    try {
      file = open_checkpoint(path);
    } catch (const Error&) {
      return false;  // some other file: the caller decides
    }
    if (file->format() != "safetensors" || file->tensors().size() != shard.tensors.size()) return false;
    for (const auto& [name, info] : shard.tensors) {
      const auto found = file->tensors().find(name);
      if (found == file->tensors().end() || found->second.type_name() != info.type_name() ||
          found->second.shape != info.shape) {
        return false;
      }
    }
    for (const auto& entry : shard.tensors) {
      check_cancelled();
      const at::Tensor wanted = converted(entry.first);
      const at::Tensor stored = file->read(entry.first);
      const bool same = wanted.nbytes() == 0 || std::memcmp(wanted.data_ptr(), stored.data_ptr(), wanted.nbytes()) == 0;
      input_->release(entry.first);
      file->release(entry.first);
      if (!same) return false;
    }
    return true;
  }

  std::string write_index() const {
    Json::Object weight_map;
    for (const Shard& shard : plan_.shards) {
      for (const auto& entry : shard.tensors) weight_map.emplace_back(entry.first, shard.file);
    }
    const Json index(
        Json::Object{{"metadata", Json::Object{{"total_size", plan_.bytes}}}, {"weight_map", std::move(weight_map)}});
    const std::string path = path_of(plan_.index);
    const std::string text = index.dump() + "\n";
    AtomicFile file(path);
    file.write(text.data(), text.size());
    file.commit();
    return path;
  }

  void advance(const std::string& name, int64_t bytes) {
    done_ += bytes;
    if (progress_) progress_(name, done_, plan_.bytes);
  }

  std::shared_ptr<Checkpoint> input_;
  std::optional<at::ScalarType> dtype_;
  bool resume_;
  bool overwrite_;
  const FileProgress& progress_;
  ShardPlan plan_;
  int64_t done_ = 0;
};

}  // namespace

Json convert_file(const Request& request, const FileProgress& progress) { return Converter(request, progress).run(); }

}  // namespace svg
