#include "io/verify.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>

#include "core/cancel.h"
#include "core/error.h"
#include "core/sha256.h"
#include "io/checkpoint.h"
#include "io/identify.h"
#include "io/int8_layout.h"
#include "io/mapped_file.h"

namespace svg {
namespace {

constexpr size_t kChunk = size_t{16} << 20;
constexpr int64_t kSliceElements = int64_t{1} << 20;  // looked at together: memory does not grow with a tensor
constexpr int64_t kMaxReported = 50;

class Verifier {
 public:
  Verifier(const Request& request, const FileProgress& progress, const ModelRecogniser& recognise)
      : checkpoint_(open_checkpoint(request.at("path").as_string())),
        wanted_(request.find("sha256") ? request.at("sha256").as_string() : ""),
        progress_(progress),
        recognise_(recognise) {
    std::transform(wanted_.begin(), wanted_.end(), wanted_.begin(), [](unsigned char c) { return std::tolower(c); });
    const bool hex = wanted_.find_first_not_of("0123456789abcdef") == std::string::npos;
    SVG_CHECK(wanted_.empty() || (hex && wanted_.size() == 64), ErrorCode::kInvalidArgument,
              "a SHA-256 has 64 hexadecimal digits, \"", wanted_, "\" has not");
    for (const auto& entry : checkpoint_->tensors()) tensor_bytes_ += entry.second.bytes();
    for (const std::string& file : checkpoint_->files()) {
      if (!std::filesystem::is_regular_file(file)) continue;
      total_ += static_cast<int64_t>(std::filesystem::file_size(file));
      written_[file] = std::filesystem::last_write_time(file);
    }
    total_ += tensor_bytes_;
  }

  Json run() {
    check_index();
    check_int8();
    check_finite();
    hash_files();
    return Json::Object{{"path", checkpoint_->path()},
                        {"format", checkpoint_->format()},
                        {"description", identify(checkpoint_, recognise_).description},
                        {"ok", problems_.as_array().empty()},
                        {"problems", problems_},
                        {"files", files_},
                        {"tensors", checkpoint_->tensors().size()},
                        {"totalBytes", tensor_bytes_},
                        {"nan", nan_},
                        {"inf", inf_},
                        {"notFinite", not_finite_}};
  }

 private:
  void advance(const std::string& what, int64_t bytes) {
    check_cancelled();
    done_ += bytes;
    if (progress_) progress_(what, done_, total_);
  }

  void check_index() {
    const Json* total = checkpoint_->metadata().find("total_size");
    if (checkpoint_->files().size() > 1 && total && total->is_number() && total->as_int() != tensor_bytes_) {
      problems_.push_back(
          concat("the index promises ", total->as_int(), " bytes of tensors, the shards hold ", tensor_bytes_));
    }
  }

  void check_int8() {
    try {
      int8_ = find_int8_layout(*checkpoint_);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kFileFormat) throw;
      problems_.push_back(error.what());
    }
    if (!int8_) return;
    check_int8_values(
        *checkpoint_, *int8_, [&](const std::string& problem) { problems_.push_back(problem); },
        [&](const std::string& name, int64_t bytes) { advance(name, bytes); });
  }

  void check_finite() {
    for (const auto& [name, info] : checkpoint_->tensors()) {
      if (int8_ && int8_->holds(name)) continue;  // read already
      if (info.is_floating() && info.bytes() > 0) {
        count_not_finite(name, info);
      } else {
        advance(name, info.bytes());
      }
    }
    if (nan_ + inf_ > 0) problems_.push_back(concat(nan_, " values are NaN, ", inf_, " are infinite"));
  }

  void count_not_finite(const std::string& name, const TensorInfo& info) {
    const int64_t elements = info.elements();
    const auto element_size = static_cast<int64_t>(at::elementSize(info.dtype));
    int64_t nan = 0, inf = 0;
    for (int64_t first = 0; first < elements; first += kSliceElements) {
      const int64_t count = std::min(kSliceElements, elements - first);
      at::Tensor values = checkpoint_->read_part(name, first, count);
      if (element_size == 1) values = values.to(at::kFloat);  // few operations know 8-bit floats
      if (!values.isfinite().all().item<bool>()) {
        nan += values.isnan().sum().item<int64_t>();
        inf += values.isinf().sum().item<int64_t>();
      }
      checkpoint_->release(name);
      advance(name, count * element_size);
    }
    if (nan + inf > 0) report_not_finite(name, nan, inf);
  }

  void report_not_finite(const std::string& name, int64_t nan, int64_t inf) {
    nan_ += nan;
    inf_ += inf;
    if (static_cast<int64_t>(not_finite_.as_array().size()) < kMaxReported) {
      not_finite_.push_back(Json::Object{{"name", name}, {"nan", nan}, {"inf", inf}});
    }
  }

  void hash_files() {
    for (const std::string& path : checkpoint_->files()) {
      if (!std::filesystem::is_regular_file(path)) continue;
      const std::string hash = hash_file(path);
      if (written_[path] != std::filesystem::last_write_time(path)) {
        problems_.push_back(concat(path, " was written to while it was read"));
      }
      files_.push_back(Json::Object{
          {"path", path}, {"bytes", static_cast<int64_t>(std::filesystem::file_size(path))}, {"sha256", hash}});
      check_name(path, hash);
    }
    if (wanted_.empty()) return;
    SVG_CHECK(files_.as_array().size() == 1, ErrorCode::kInvalidArgument,
              "one SHA-256 cannot stand for the files of a sharded checkpoint");
    const std::string& hash = files_.as_array()[0].at("sha256").as_string();
    if (hash != wanted_) problems_.push_back(concat("the SHA-256 is ", hash, ", not ", wanted_));
  }

  std::string hash_file(const std::string& path) {
    const auto file = MappedFile::open(path);
    Sha256 hash;
    for (size_t at = 0; at < file->size(); at += kChunk) {
      const size_t part = std::min(kChunk, file->size() - at);
      hash.update(file->data() + at, part);
      file->release(at, part);
      advance(path, static_cast<int64_t>(part));
    }
    return hash.finish();
  }

  // The hub names its files after the start of their hash.
  void check_name(const std::string& path, const std::string& hash) {
    static const std::regex pattern(R"(.*-([0-9a-f]{8})\.(pth|pt))");
    const std::string name = std::filesystem::path(path).filename().string();
    std::smatch match;
    if (std::regex_match(name, match, pattern) && match[1].str() != hash.substr(0, 8)) {
      problems_.push_back(concat("the name of ", name, " promises a SHA-256 that starts with ", match[1].str(),
                                 ", the file's starts with ", hash.substr(0, 8)));
    }
  }

  std::shared_ptr<Checkpoint> checkpoint_;
  std::string wanted_;
  std::map<std::string, std::filesystem::file_time_type> written_;  // when, of each file
  const FileProgress& progress_;
  const ModelRecogniser& recognise_;
  std::optional<Int8Layout> int8_;
  int64_t tensor_bytes_ = 0;
  int64_t done_ = 0;
  int64_t total_ = 0;
  int64_t nan_ = 0;
  int64_t inf_ = 0;
  Json problems_ = Json::array();
  Json files_ = Json::array();
  Json not_finite_ = Json::array();
};

}  // namespace

Json verify_file(const Request& request, const FileProgress& progress, const ModelRecogniser& recognise) {
  return Verifier(request, progress, recognise).run();
}

}  // namespace svg
