#include "golden/case.h"

#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "io/checkpoint.h"
#include "io/regular_file.h"

namespace svg {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxCaseBytes = size_t{64} << 20;

TensorMap read_all(const fs::path& path) {
  TensorMap tensors;
  const auto checkpoint = open_checkpoint(path.string());
  for (const auto& entry : checkpoint->tensors()) tensors[entry.first] = checkpoint->read(entry.first);
  return tensors;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::vector<std::string> string_list(const Json* list) {
  std::vector<std::string> strings;
  if (list && list->is_array()) {
    for (const Json& item : list->as_array()) strings.push_back(item.as_string());
  }
  return strings;
}

}  // namespace

std::string golden_case_name(const std::string& folder) {
  const fs::path path = fs::path(folder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

GoldenCase::GoldenCase(const std::string& folder, at::Device device) : folder_(folder), device_(device) {
  spec_ = read_json_file((fs::path(folder) / "case.json").string(), kMaxCaseBytes);
  module_ = spec_.at("module").as_string();
  const fs::path io = fs::path(folder) / "io.safetensors";
  if (fs::exists(io)) io_ = read_all(io);
}

bool GoldenCase::has_input(const std::string& name) const { return io_.count("in." + name) != 0; }

at::Tensor GoldenCase::input(const std::string& name) const {
  const auto found = io_.find("in." + name);
  SVG_CHECK(found != io_.end(), ErrorCode::kFileFormat, folder_, ": no input \"in.", name, "\"");
  return found->second.to(device_);
}

at::Tensor GoldenCase::output(const std::string& name) const {
  const auto found = io_.find("out." + name);
  SVG_CHECK(found != io_.end(), ErrorCode::kFileFormat, folder_, ": no output \"out.", name, "\"");
  return found->second;
}

std::vector<std::string> GoldenCase::output_names() const {
  std::vector<std::string> names;
  for (const auto& entry : io_) {
    if (entry.first.rfind("out.", 0) == 0) names.push_back(entry.first.substr(4));
  }
  return names;
}

TensorMap GoldenCase::weight_map(const std::string& group) const {
  const fs::path stored = fs::path(folder_) / "weights.safetensors";
  const Json* seeded = spec_.find("seeded_weights");
  if (!group.empty()) {
    SVG_CHECK(seeded, ErrorCode::kFileFormat, folder_, ": no seeded_weights");
    const Json& part = seeded->at(group);
    std::vector<std::string> abs = string_list(part.find("abs"));
    const Json* keys = part.find("keys");
    if (!keys) keys = &seeded->at("keys").at(group);
    if (part.get_bool("abs_lin", false)) {
      for (const auto& key : keys->as_object()) {
        if (key.first.rfind("lin", 0) == 0) abs.push_back(key.first);
      }
    }
    return draw_seeded_weights(part.at("seed").as_int(), part.get_double("gain", seeded->get_double("gain", 1)), *keys,
                               abs, part.find("offset"));
  }
  if (fs::exists(stored)) return read_all(stored);
  SVG_CHECK(seeded, ErrorCode::kFileFormat, folder_, ": neither weights.safetensors nor seeded_weights");
  return draw_seeded_weights(seeded->at("seed").as_int(), seeded->get_double("gain", 1), seeded->at("keys"),
                             string_list(seeded->find("abs")), seeded->find("offset"));
}

Weights GoldenCase::weights(const std::string& group) const {
  return Weights(std::make_shared<MapSource>(weight_map(group), folder_, device_));
}

double GoldenCase::atol() const { return spec_.at("tolerance").get_double("atol", 0); }
double GoldenCase::rtol() const { return spec_.at("tolerance").get_double("rtol", 0); }

void GoldenCase::expect(const std::string& output_name, const at::Tensor& got) {
  expect_close(output_name, got, output(output_name), atol(), rtol());
}

void GoldenCase::expect_close(const std::string& label, const at::Tensor& got, const at::Tensor& want, double atol,
                              double rtol) {
  if (got.sizes() != want.sizes()) {
    fail(concat(label, ": shape ", got.sizes(), " where ", want.sizes(), " is wanted"));
    return;
  }
  if (want.numel() == 0) return;
  const at::Tensor left = got.detach().to(at::kCPU, at::kDouble);
  const at::Tensor right = want.to(at::kCPU, at::kDouble);
  const at::Tensor difference = (left - right).abs();
  const double largest = difference.max().item<double>();
  if (std::isnan(largest)) {
    fail(label + ": not a number");
    return;
  }
  max_error_ = std::max(max_error_, largest);
  const at::Tensor excess = difference - (atol + rtol * right.abs());
  const double worst = excess.max().item<double>();
  if (worst > 0) fail(concat(label, ": largest error ", largest, ", ", worst, " over the tolerance"));
}

void GoldenCase::expect_at_most(const std::string& label, double value, double bound) {
  max_error_ = std::max(max_error_, value);
  if (!(value <= bound)) fail(concat(label, ": ", value, " is above ", bound));
}

void GoldenCase::fail(const std::string& message) { failures_.push_back(message); }

Json GoldenCase::report() const {
  Json result = Json::object();
  result.set("name", golden_case_name(folder_));
  result.set("module", module_);
  result.set("status", passed() ? "passed" : "failed");
  result.set("maxError", max_error_);
  const Json* tolerance = spec_.find("tolerance");
  result.set("tolerance", tolerance ? *tolerance : Json());
  std::string message;
  for (const std::string& failure : failures_) message += (message.empty() ? "" : "; ") + failure;
  result.set("message", message);
  return result;
}

TensorMap draw_seeded_weights(int64_t seed, double gain, const Json& keys, const std::vector<std::string>& abs,
                              const Json* offset) {
  at::Generator generator = at::detail::createCPUGenerator(static_cast<uint64_t>(seed));
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const auto& key : keys.as_object()) shapes[key.first] = key.second.as_int_list();
  TensorMap tensors;
  for (const auto& [name, shape] : shapes) {
    at::Tensor value = at::randn(shape, generator, at::TensorOptions().dtype(at::kFloat));
    if (shape.size() == 1 && (name == "weight" || ends_with(name, ".weight"))) {
      value = 1 + 0.2 * value;
    } else if (shape.size() <= 1) {
      value = 0.1 * value;
    } else {
      const double fan_in = static_cast<double>(value.numel()) / static_cast<double>(shape[0]);
      value = gain * value / std::sqrt(fan_in);
    }
    tensors[name] = value;
  }
  for (const std::string& name : abs) tensors.at(name) = tensors.at(name).abs();
  if (!offset) return tensors;
  for (auto& [name, value] : tensors) {
    if (const Json* added = offset->find(name.substr(name.rfind('.') + 1))) value = value + added->as_double();
  }
  return tensors;
}

}  // namespace svg
