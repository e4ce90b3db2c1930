#include "io/safetensors.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "core/error.h"
#include "io/dtypes.h"
#include "io/text.h"

namespace svg {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr size_t kMaxDimensions = 64;

class SafetensorsFile : public Checkpoint {
 public:
  explicit SafetensorsFile(std::shared_ptr<MappedFile> file) : file_(std::move(file)) {
    path_ = file_->path();
    format_ = "safetensors";
    read_header();
  }

  at::Tensor read(const std::string& name) const override {
    const TensorInfo& info = readable(name);
    return view(name, info, 0, info.shape, info.bytes());
  }

  at::Tensor read_part(const std::string& name, int64_t first, int64_t count) const override {
    const TensorInfo& info = readable(name);
    const auto size = static_cast<int64_t>(at::elementSize(info.dtype));
    return view(name, info, first * size, {count}, count * size);
  }

  void release(const std::string& name) const override {
    if (const auto found = spans_.find(name); found != spans_.end()) {
      file_->release(data_start_ + found->second.first, found->second.second - found->second.first);
    }
  }

 private:
  at::Tensor view(const std::string& name, const TensorInfo& info, int64_t offset, at::IntArrayRef shape,
                  int64_t bytes) const {
    if (bytes == 0) return at::empty(shape, info.dtype);
    const uint8_t* data = file_->data() + data_start_ + spans_.at(name).first + offset;
    const auto options = at::TensorOptions().dtype(info.dtype);
    if (reinterpret_cast<uintptr_t>(data) % at::elementSize(info.dtype) != 0) {
      at::Tensor copy = at::empty(shape, options);  // a header length that breaks alignment
      std::memcpy(copy.data_ptr(), data, static_cast<size_t>(bytes));
      return copy;
    }
    return at::from_blob(
        const_cast<uint8_t*>(data), shape, [file = file_](void*) {}, options);
  }

  [[noreturn]] void fail(const std::string& cause) const {
    throw Error(ErrorCode::kFileFormat, concat(path_, ": [safetensors] ", cause));
  }

  void read_header() {
    if (file_->size() < 8) fail("shorter than its header length");
    uint64_t length = 0;
    std::memcpy(&length, file_->data(), 8);
    if (length > kMaxHeaderBytes) fail("the header length is above 100 MB");
    if (length > file_->size() - 8) fail("the header is cut");
    const std::string_view text(reinterpret_cast<const char*>(file_->data()) + 8, length);
    if (text.empty() || text[0] != '{') fail("the header does not start with {");
    data_start_ = 8 + length;
    Json header;
    try {
      header = Json::parse(text);
    } catch (const Error& error) {
      fail(error.what());
    }
    try {
      for (const auto& [name, entry] : header.as_object()) {
        if (name == "__metadata__") {
          if (entry.is_null()) continue;  // as the reference reader takes it
          for (const auto& member : entry.as_object()) member.second.as_string();
          metadata_ = entry;
        } else {
          add_tensor(name, entry);
        }
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kFileFormat) throw;
      fail(error.what());
    }
    check_cover();
  }

  void add_tensor(const std::string& name, const Json& entry) {
    const std::string shown = concat("tensor \"", printable(name), "\"");
    const std::string& dtype_name = entry.at("dtype").as_string();
    const std::optional<at::ScalarType> dtype = dtype_of_safetensors(dtype_name);
    const std::optional<ListedType> listed = dtype ? std::nullopt : listed_type_of_safetensors(dtype_name);
    if (!dtype && !listed) fail(concat(shown, " has the impossible dtype ", printable(dtype_name)));
    TensorInfo info{dtype.value_or(at::kByte), entry.at("shape").as_int_list()};
    const std::vector<int64_t> offsets = entry.at("data_offsets").as_int_list();
    if (offsets.size() != 2 || offsets[0] < 0 || offsets[1] < offsets[0])
      fail(concat(shown, " has impossible offsets"));
    if (entry.as_object().size() != 3) fail(concat(shown, " has fields that the format does not know"));
    if (info.shape.size() > kMaxDimensions) fail(concat(shown, " has ", info.shape.size(), " dimensions"));
    const int64_t bits = dtype ? 8 * static_cast<int64_t>(at::elementSize(*dtype)) : std::max<int64_t>(listed->bits, 1);
    int64_t whole = bits;  // with zeros as ones: bounds the sides of an empty tensor too
    for (const int64_t side : info.shape) {
      if (side < 0 || __builtin_mul_overflow(whole, std::max<int64_t>(side, 1), &whole)) {
        fail(concat(shown, " has an impossible shape"));
      }
    }
    const int64_t bytes = offsets[1] - offsets[0];
    if (listed) {
      info.listed = listed->name;
      info.listed_bytes = bytes;
    }
    const int64_t needed = info.elements() * bits;
    const bool known = dtype || listed->bits != 0;
    if (known && needed % 8 != 0) fail(concat(shown, " ends within a byte"));
    if (known && needed / 8 != bytes) {
      fail(concat(shown, " needs ", needed / 8, " bytes, its offsets give ", bytes));
    }
    spans_[name] = {offsets[0], offsets[1]};
    tensors_[name] = std::move(info);
  }

  // The spans must tile the data without holes or overlap, to the last byte.
  void check_cover() const {
    std::vector<std::pair<int64_t, int64_t>> spans;
    for (const auto& span : spans_) spans.push_back(span.second);
    std::sort(spans.begin(), spans.end());
    int64_t end = 0;
    for (const auto& [first, last] : spans) {
      if (first != end) fail("the tensors' offsets leave a hole or overlap");
      end = last;
    }
    if (static_cast<uint64_t>(end) != file_->size() - data_start_) {
      fail(concat("the header describes ", end, " bytes of data, the file holds ", file_->size() - data_start_));
    }
  }

  std::shared_ptr<MappedFile> file_;
  size_t data_start_ = 0;
  std::map<std::string, std::pair<int64_t, int64_t>> spans_;
};

}  // namespace

bool looks_like_safetensors(std::string_view file) {
  if (file.size() < 9 || file[8] != '{') return false;
  uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  return length <= std::min<uint64_t>(kMaxHeaderBytes, file.size() - 8);
}

std::shared_ptr<Checkpoint> open_safetensors(std::shared_ptr<MappedFile> file) {
  return std::make_shared<SafetensorsFile>(std::move(file));
}

}  // namespace svg
