#include "io/convert.h"

#include <cstring>
#include <filesystem>

#include "core/cancel.h"
#include "core/error.h"
#include "io/atomic_file.h"
#include "io/checkpoint.h"
#include "io/companion_files.h"
#include "io/identify.h"
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

Conversion conversion_of(const Request& request) {
  const std::string& quantize = request.at("quantize").as_string();
  SVG_CHECK(quantize == "none" || quantize == "int8", ErrorCode::kInvalidArgument, "quantize \"", quantize,
            "\" is none of none, int8");
  return {target_dtype(request.at("dtype").as_string()), quantize == "int8"};
}

ConvertedTensors converted(const Request& request, const Int8Chooser& choose) {
  const Conversion conversion = conversion_of(request);
  const std::string& path = request.at("input").as_string();
  return {conversion.to_int8 ? open_model(path, "a model to quantise") : open_checkpoint(path), conversion, choose};
}

Json list_of(const std::vector<std::string>& names) {
  Json list = Json::array();
  for (const std::string& name : names) list.push_back(name);
  return list;
}

class Converter {
 public:
  Converter(const Request& request, const FileProgress& progress, const Int8Chooser& choose)
      : tensors_(converted(request, choose)),
        resume_(request.at("resume").as_bool()),
        overwrite_(request.at("overwrite").as_bool()),
        progress_(progress) {
    const std::string& output = request.at("output").as_string();
    plan_ = plan_shards(output, tensors_.tensors(), request.at("maxShardBytes").as_int(), tensors_.together());
    request.check_all_read();
    const bool to_folder = !output.ends_with(".safetensors") || fs::is_directory(output);
    if (tensors_.is_int8() && to_folder) companions_.emplace(tensors_.input().path(), plan_.folder, overwrite_);
  }

  Json run() {
    const std::vector<bool> finished = find_finished();
    // First, so that weights never stand without what they are read with.
    if (companions_) companions_->write();
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
    if (companions_) {
      for (const std::string& path : companions_->paths()) files.push_back(path);
    }
    Json report = Json::Object{
        {"input", tensors_.input().path()},     {"files", std::move(files)}, {"kept", kept},
        {"tensors", tensors_.tensors().size()}, {"bytes", plan_.bytes},      {"remark", tensors_.input().remark()}};
    if (tensors_.is_int8()) {
      report.set(
          "int8",
          Json::object().set("matrices", tensors_.int8_matrices().size()).set("leftOut", list_of(tensors_.left_out())));
    }
    return report;
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

  /// A shard says of its own matrices which are plain.
  std::map<std::string, std::string> metadata_of(const Shard& shard) const {
    std::map<std::string, std::string> metadata = {{"format", "pt"}};
    if (!tensors_.says_int8()) return metadata;
    std::vector<std::string> left_out;
    for (const std::string& name : tensors_.left_out()) {
      if (shard.tensors.count(name)) left_out.push_back(name);
    }
    metadata[kInt8MetadataKey] = int8_metadata(left_out);
    return metadata;
  }

  void write(const Shard& shard, const std::string& path) {
    SafetensorsWriter writer(path, shard.tensors, metadata_of(shard));
    for (const std::string& name : writer.order()) {
      check_cancelled();
      writer.add(tensors_.make(name));
      tensors_.release(name);
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
    if (!says_the_same(*file, metadata_of(shard))) return false;
    for (const auto& entry : shard.tensors) {
      check_cancelled();
      const at::Tensor wanted = tensors_.make(entry.first);
      const at::Tensor stored = file->read(entry.first);
      const bool same =
          wanted.nbytes() == 0 || std::memcmp(wanted.contiguous().data_ptr(), stored.data_ptr(), wanted.nbytes()) == 0;
      tensors_.release(entry.first);
      file->release(entry.first);
      if (!same) return false;
    }
    return true;
  }

  static bool says_the_same(const Checkpoint& file, const std::map<std::string, std::string>& metadata) {
    const auto wanted = metadata.find(kInt8MetadataKey);
    const Json* said = file.metadata().is_object() ? file.metadata().find(kInt8MetadataKey) : nullptr;
    if (wanted == metadata.end()) return !said;
    return said && said->is_string() && said->as_string() == wanted->second;
  }

  std::string write_index() const {
    Json::Object weight_map;
    for (const Shard& shard : plan_.shards) {
      for (const auto& entry : shard.tensors) weight_map.emplace_back(entry.first, shard.file);
    }
    Json metadata = Json::object().set("total_size", plan_.bytes);
    if (tensors_.says_int8()) metadata.set(kInt8MetadataKey, int8_metadata(tensors_.left_out()));
    const Json index(Json::Object{{"metadata", std::move(metadata)}, {"weight_map", std::move(weight_map)}});
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

  ConvertedTensors tensors_;
  bool resume_;
  bool overwrite_;
  const FileProgress& progress_;
  ShardPlan plan_;
  std::optional<CompanionCopies> companions_;
  int64_t done_ = 0;
};

}  // namespace

Json convert_file(const Request& request, const FileProgress& progress, const Int8Chooser& choose) {
  return Converter(request, progress, choose).run();
}

}  // namespace svg
