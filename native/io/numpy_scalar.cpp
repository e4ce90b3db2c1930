#include "io/numpy_scalar.h"

#include <cstring>
#include <string>

namespace svg {
namespace {

// Bytes that are UTF-8 of Latin-1 text (two bytes for each byte above 127) as they were.
std::string decode_latin1(std::string_view text) {
  std::string bytes;
  for (size_t at = 0; at < text.size(); ++at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead >= 0xC0 && at + 1 < text.size()) {
      bytes += static_cast<char>((lead & 0x03) << 6 | (text[++at] & 0x3F));
    } else {
      bytes += text[at];
    }
  }
  return bytes;
}

template <typename T>
double load(const std::string& bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return static_cast<double>(value);
}

// numpy.dtype('f8', False, True) or numpy.dtypes.Float64DType().
std::string dtype_code(const PickleHeap& heap, const PickleValue& dtype) {
  if (dtype.kind != PickleKind::kObject) return "";
  if (dtype.text == "numpy.dtypes.Float64DType") return "f8";
  if (dtype.text == "numpy.dtypes.Float32DType") return "f4";
  if (dtype.text == "numpy.dtypes.Int64DType") return "i8";
  if (dtype.text == "numpy.dtypes.Int32DType") return "i4";
  if (dtype.text == "numpy.dtypes.BoolDType") return "b1";
  const std::vector<PickleRef>& arguments = heap.at(dtype.items[0]).items;
  if (dtype.text != "numpy.dtype" || arguments.empty()) return "";
  const PickleValue& code = heap.at(arguments[0]);
  if (code.kind != PickleKind::kString || code.text.size() > 3) return "";
  // The state's second item is the byte order; numbers of the other order stay as they are.
  const PickleValue& state = heap.at(dtype.items[1]);
  if (state.items.size() > 1 && heap.at(state.items[1]).text == ">") return "";
  return std::string(code.text);
}

}  // namespace

std::optional<PickleValue> read_numpy_scalar(const PickleHeap& heap, const std::vector<PickleRef>& arguments) {
  if (arguments.size() != 2 || heap.at(arguments[1]).kind != PickleKind::kBytes) return std::nullopt;
  const PickleValue& stored = heap.at(arguments[1]);
  if (stored.text.size() > 16) return std::nullopt;
  const std::string code = dtype_code(heap, heap.at(arguments[0]));
  const std::string bytes = stored.integer == 1 ? decode_latin1(stored.text) : std::string(stored.text);
  PickleValue number{PickleKind::kFloat};
  if (code == "f8" && bytes.size() == 8) {
    number.real = load<double>(bytes);
  } else if (code == "f4" && bytes.size() == 4) {
    number.real = load<float>(bytes);
  } else if (code.size() == 2 && (code[0] == 'i' || code[0] == 'u' || code[0] == 'b') &&
             bytes.size() == static_cast<size_t>(code[1] - '0') && bytes.size() >= 1 && bytes.size() <= 8) {
    number.kind = code[0] == 'b' ? PickleKind::kBool : PickleKind::kInt;
    const bool negative = code[0] == 'i' && (bytes.back() & 0x80);
    uint64_t value = negative ? ~uint64_t{0} : 0;
    for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    number.integer = static_cast<int64_t>(value);
  } else {
    return std::nullopt;
  }
  return number;
}

}  // namespace svg
