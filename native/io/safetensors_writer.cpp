#include "io/safetensors_writer.h"

#include <algorithm>

#include "core/error.h"
#include "io/dtypes.h"

namespace svg {
namespace {

// Libraries of products give other last bits where a matrix begins within a cache line: files are mapped as they are.
constexpr int64_t kLineBytes = 64;

Json int_list(const std::vector<int64_t>& values) {
  Json list = Json::array();
  for (const int64_t value : values) list.push_back(value);
  return list;
}

}  // namespace

std::vector<std::string> safetensors_order(const std::map<std::string, TensorInfo>& tensors) {
  std::vector<std::string> names;
  for (const auto& entry : tensors) names.push_back(entry.first);
  const auto place = [&](const std::string& name) {
    const TensorInfo& info = tensors.at(name);
    return std::pair(info.bytes() % kLineBytes != 0, -static_cast<int64_t>(at::elementSize(info.dtype)));
  };
  std::stable_sort(names.begin(), names.end(),
                   [&](const std::string& left, const std::string& right) { return place(left) < place(right); });
  return names;
}

SafetensorsWriter::SafetensorsWriter(const std::string& path, const std::map<std::string, TensorInfo>& tensors,
                                     const std::map<std::string, std::string>& metadata)
    : file_(path), tensors_(tensors), order_(safetensors_order(tensors)) {
  Json::Object header;
  if (!metadata.empty()) {
    Json::Object texts;
    for (const auto& [key, text] : metadata) texts.emplace_back(key, text);
    header.emplace_back("__metadata__", std::move(texts));
  }
  int64_t offset = 0;
  for (const std::string& name : order_) {
    const TensorInfo& info = tensors_.at(name);
    const int64_t end = offset + info.bytes();
    header.emplace_back(name, Json::Object{{"dtype", safetensors_name(info.dtype)},
                                           {"shape", int_list(info.shape)},
                                           {"data_offsets", int_list({offset, end})}});
    offset = end;
  }
  std::string text = Json(std::move(header)).dump();
  constexpr size_t kLine = kLineBytes;
  const size_t begin = (sizeof(uint64_t) + text.size() + kLine - 1) / kLine * kLine;  // of the first tensor
  text.resize(begin - sizeof(uint64_t), ' ');
  const uint64_t length = text.size();
  file_.write(&length, sizeof length);
  file_.write(text.data(), text.size());
}

void SafetensorsWriter::add(const at::Tensor& tensor) {
  SVG_CHECK(next_ < order_.size(), ErrorCode::kInternal, "[safetensors] more tensors than announced");
  const std::string& name = order_[next_++];
  const TensorInfo& info = tensors_.at(name);
  SVG_CHECK(tensor.scalar_type() == info.dtype && tensor.sizes() == at::IntArrayRef(info.shape), ErrorCode::kInternal,
            "[safetensors] tensor \"", name, "\" is not as announced");
  const at::Tensor bytes = tensor.to(at::kCPU).contiguous();
  file_.write(bytes.data_ptr(), bytes.nbytes());
}

void SafetensorsWriter::commit() {
  SVG_CHECK(next_ == order_.size(), ErrorCode::kInternal, "[safetensors] fewer tensors than announced");
  file_.commit();
}

void write_safetensors(const std::string& path, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::map<std::string, TensorInfo> infos;
  for (const auto& [name, tensor] : tensors) infos[name] = {tensor.scalar_type(), tensor.sizes().vec()};
  SafetensorsWriter writer(path, infos, metadata);
  for (const std::string& name : writer.order()) writer.add(tensors.at(name));
  writer.commit();
}

}  // namespace svg
