#include "io/int8_layout.h"

#include <algorithm>

#include "core/error.h"
#include "io/compressed_tensors.h"
#include "io/config_beside.h"
#include "io/text.h"

namespace svg {
namespace {

constexpr int64_t kInt8Version = 1;
constexpr char kInt8WeightsText[] = "int8, per output channel, symmetric";
constexpr std::string_view kWeightEnd = "weight", kScaleEnd = "weight_scale";
constexpr int64_t kInt8SliceElements = int64_t{1} << 24;

bool ends_part(std::string_view name, std::string_view end) {
  return name == end || (name.ends_with(end) && name[name.size() - end.size() - 1] == '.');
}

constexpr char kAnewHint[] =
    "Make it anew of the weights that it was made from: `svg-t2i convert --quantize int8`. `svg-t2i verify` tells all "
    "that is wrong with a file.";

[[noreturn]] void refuse_int8(const Checkpoint& checkpoint, const std::string& cause,
                              const std::string& hint = kAnewHint) {
  throw Error(ErrorCode::kFileFormat, concat(checkpoint.path(), ": [int8] ", cause), hint);
}

std::string quoted_name(const std::string& name) { return concat("\"", printable(name), "\""); }

/// The file's own words; null where it has none.
Json said_of(const Checkpoint& checkpoint) {
  const Json* text = checkpoint.metadata().is_object() ? checkpoint.metadata().find(kInt8MetadataKey) : nullptr;
  if (!text) return {};
  try {
    const Json said = Json::parse(text->as_string());
    const int64_t version = said.at("version").as_int();
    if (version > kInt8Version || version < 1) {
      refuse_int8(checkpoint, concat("version ", version, " of the layout, ", kInt8Version, " is known"),
                  "It was written by a newer svg-t2i: update this one.");
    }
    if (said.at("weights").as_string() != kInt8WeightsText) {
      refuse_int8(checkpoint, concat("weights are \"", printable(said.at("weights").as_string()), "\", not \"",
                                     kInt8WeightsText, "\""));
    }
    for (const Json& name : said.at("left_out").as_array()) name.as_string();
    return said;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kFileFormat && std::string_view(error.what()).starts_with(checkpoint.path())) throw;
    refuse_int8(checkpoint, concat("metadata ", kInt8MetadataKey, ": ", error.what()));
  }
}

bool holds_int8(const Checkpoint& checkpoint) {
  return std::any_of(checkpoint.tensors().begin(), checkpoint.tensors().end(),
                     [](const auto& entry) { return entry.second.listed.empty() && entry.second.dtype == at::kChar; });
}

void add_matrix(const Checkpoint& checkpoint, const std::string& name, const TensorInfo& info, Int8Layout& layout) {
  if (!is_weight_matrix(name, info)) {
    refuse_int8(checkpoint,
                concat(quoted_name(name), " is int8 and no matrix of weights: ", at::IntArrayRef(info.shape)));
  }
  const std::string scale_name = int8_scale_name(name);
  const auto scale = checkpoint.tensors().find(scale_name);
  if (scale == checkpoint.tensors().end())
    refuse_int8(checkpoint, concat(quoted_name(name), " has no scales beside it"));
  const std::vector<int64_t> wanted = {info.shape[0], 1};
  if (!scale->second.is_floating() || scale->second.shape != wanted) {
    refuse_int8(checkpoint,
                concat(quoted_name(scale_name), " is ", scale->second.type_name(), " ",
                       at::IntArrayRef(scale->second.shape), ", not numbers of shape ", at::IntArrayRef(wanted)));
  }
  layout.matrices.insert(name);
}

}  // namespace

bool Int8Layout::is_scale(std::string_view name) const {
  return ends_part(name, kScaleEnd) && holds(name.substr(0, name.size() - kScaleEnd.size() + kWeightEnd.size()));
}

std::string Int8Layout::description() const {
  const size_t all = matrices.size() + left_out.size();
  return concat("int8: ", matrices.size(), " of ", all, " matrices");
}

std::string int8_scale_name(const std::string& weight) { return weight + "_scale"; }

bool is_weight_matrix(const std::string& name, const TensorInfo& info) {
  return info.listed.empty() && info.shape.size() == 2 && ends_part(name, kWeightEnd);
}

std::optional<Int8Layout> find_int8_layout(const Checkpoint& checkpoint) {
  const Json said = said_of(checkpoint);
  const bool own = !said.is_null();
  if (!own && (!holds_int8(checkpoint) || !is_compressed_int8(config_beside(checkpoint.path())))) return std::nullopt;
  Int8Layout layout;
  layout.own = own;
  for (const auto& [name, info] : checkpoint.tensors()) {
    if (info.listed.empty() && info.dtype == at::kChar) {
      add_matrix(checkpoint, name, info, layout);
    } else if (is_weight_matrix(name, info) && info.is_floating()) {
      layout.left_out.push_back(name);
    }
  }
  for (const auto& entry : checkpoint.tensors()) {
    if (ends_part(entry.first, kScaleEnd) && !layout.is_scale(entry.first)) {
      refuse_int8(checkpoint, concat(quoted_name(entry.first), " has no int8 weight beside it"));
    }
  }
  if (layout.matrices.empty()) return std::nullopt;  // a shard may hold what was left out alone
  return layout;
}

std::optional<Int8Layout> find_sound_int8_layout(const Checkpoint& checkpoint) {
  try {
    return find_int8_layout(checkpoint);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kFileFormat) throw;
    return std::nullopt;
  }
}

std::string int8_metadata(const std::vector<std::string>& left_out) {
  Json names = Json::array();
  for (const std::string& name : left_out) names.push_back(name);
  return Json::object()
      .set("version", kInt8Version)
      .set("weights", kInt8WeightsText)
      .set("left_out", std::move(names))
      .dump();
}

void join_int8_metadata(Json& whole, const Checkpoint& shard) {
  const Json said = said_of(shard);
  if (said.is_null()) return;
  std::vector<std::string> left_out;
  const auto add = [&](const Json& metadata) {
    for (const Json& name : metadata.at("left_out").as_array()) left_out.push_back(name.as_string());
  };
  if (const Json* earlier = whole.find(kInt8MetadataKey)) add(Json::parse(earlier->as_string()));
  add(said);
  whole.set(kInt8MetadataKey, int8_metadata(left_out));
}

Int8Rows read_int8_rows(const Checkpoint& checkpoint, const std::string& weight) {
  const std::string scale_name = int8_scale_name(weight);
  const at::Tensor scale = checkpoint.read(scale_name).to(at::kFloat).flatten();
  const bool sound = at::logical_and(scale.isfinite(), scale >= 0).all().item<bool>();
  if (!sound)
    refuse_int8(checkpoint, concat(quoted_name(scale_name), " holds scales that are negative or no finite numbers"));
  return {checkpoint.read(weight), scale};
}

void check_int8_values(const Checkpoint& checkpoint, const Int8Layout& layout,
                       const std::function<void(const std::string& problem)>& tell,
                       const std::function<void(const std::string& name, int64_t bytes)>& advance) {
  for (const std::string& name : layout.matrices) {
    const std::vector<int64_t>& shape = checkpoint.tensors().at(name).shape;
    const at::Tensor scale = checkpoint.read(int8_scale_name(name)).to(at::kFloat).flatten();
    const int64_t wrong = at::logical_or(scale.isfinite().logical_not(), scale < 0).sum().item<int64_t>();
    if (wrong > 0) tell(concat(quoted_name(name), ": ", wrong, " scales are negative or no finite numbers"));
    const int64_t rows = std::max<int64_t>(1, kInt8SliceElements / std::max<int64_t>(1, shape[1]));
    int64_t lowest = 0, lost = 0;
    for (int64_t first = 0; first < shape[0] && shape[1] > 0; first += rows) {
      const int64_t count = std::min(rows, shape[0] - first);
      const at::Tensor values = checkpoint.read_part(name, first * shape[1], count * shape[1]).view({count, shape[1]});
      lowest += (values == -128).sum().item<int64_t>();
      const at::Tensor unscaled = scale.narrow(0, first, count) == 0;
      lost += at::logical_and(unscaled, (values != 0).any(1)).sum().item<int64_t>();
      checkpoint.release(name);
      advance(name, count * shape[1]);
    }
    if (layout.own && lowest > 0) tell(concat(quoted_name(name), ": ", lowest, " values are -128, the least is -127"));
    if (lost > 0) tell(concat(quoted_name(name), ": ", lost, " rows hold numbers, and their scale is 0"));
  }
  if (!layout.own) return;
  std::set<std::string> promised;
  const Json said = said_of(checkpoint);
  for (const Json& name : said.at("left_out").as_array()) promised.insert(name.as_string());
  const std::set<std::string> found(layout.left_out.begin(), layout.left_out.end());
  for (const std::string& name : promised) {
    if (!found.count(name)) tell(concat("the list of left-out matrices names ", quoted_name(name), ", which is none"));
  }
  for (const std::string& name : found) {
    if (!promised.count(name))
      tell(concat(quoted_name(name), " is no int8, and the list of left-out matrices lacks it"));
  }
}

}  // namespace svg
