#include "io/inspect.h"

#include <filesystem>

#include "core/error.h"
#include "io/checkpoint.h"
#include "io/identify.h"
#include "io/int8_layout.h"
#include "io/wrappers.h"

namespace svg {
namespace {

// Always an object: a file without metadata has none, a pickle of one plain value is that value.
Json as_object(const Json& metadata) {
  if (metadata.is_object()) return metadata;
  if (metadata.is_null()) return Json::object();
  return Json(Json::Object{{"value", metadata}});
}

/// What a file is that may be wrapped; one whose wrappers cannot be taken off is still listed.
Identity identify_wrapped(const std::shared_ptr<Checkpoint>& checkpoint, const ModelRecogniser& recognise) {
  try {
    const auto plain = without_wrappers(checkpoint);
    Identity identity = identify(plain, recognise);
    if (!plain->remark().empty()) identity.description += "; " + plain->remark();
    return identity;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled) throw;
    Identity identity = identify(checkpoint, recognise);
    if (identity.way_out.empty()) identity.way_out = error.what();
    return identity;
  }
}

}  // namespace

Json inspect_file(const Request& request, const ModelRecogniser& recognise) {
  const auto checkpoint = open_checkpoint(request.at("path").as_string());
  Json tensors = Json::array();
  int64_t total = 0;
  for (const auto& [name, info] : checkpoint->tensors()) {
    Json shape = Json::array();
    for (const int64_t side : info.shape) shape.push_back(side);
    tensors.push_back(Json::Object{
        {"name", name}, {"dtype", info.type_name()}, {"shape", std::move(shape)}, {"bytes", info.bytes()}});
    total += info.bytes();
  }
  Json files = Json::array();
  int64_t file_bytes = 0;
  for (const std::string& file : checkpoint->files()) {
    files.push_back(file);
    if (std::filesystem::is_regular_file(file)) file_bytes += static_cast<int64_t>(std::filesystem::file_size(file));
  }
  Json root = Json::array();
  for (const std::string& key : checkpoint->root()) root.push_back(key);
  const Identity identity = identify_wrapped(checkpoint, recognise);
  Json report = Json::Object{{"path", checkpoint->path()},
                             {"format", checkpoint->format()},
                             {"kind", identity.kind},
                             {"description", identity.description},
                             {"root", std::move(root)},
                             {"files", std::move(files)},
                             {"tensors", std::move(tensors)},
                             {"metadata", as_object(checkpoint->metadata())},
                             {"parameters", count_parameters(*checkpoint)},
                             {"totalBytes", total},
                             {"fileBytes", file_bytes}};
  if (const std::optional<Int8Layout> int8 = find_sound_int8_layout(*checkpoint)) {
    Json left_out = Json::array();
    for (const std::string& name : int8->left_out) left_out.push_back(name);
    report.set("int8", Json::object().set("matrices", int8->matrices.size()).set("leftOut", std::move(left_out)));
  }
  if (!identity.way_out.empty()) report.set("hint", identity.way_out);
  return report;
}

}  // namespace svg
