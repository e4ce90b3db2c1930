// A pickle reader that can build values and nothing else: no module is imported, no function is called.
// What GLOBAL, REDUCE, BUILD and persistent ids mean is decided by the PickleObjects it is given.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace svg {

/// Index of a value in its PickleHeap. Values refer to each other, so a pickle may hold cycles.
using PickleRef = uint32_t;

enum class PickleKind : uint8_t {
  kNone,
  kBool,     // integer
  kInt,      // integer
  kBigInt,   // text: the raw little-endian bytes, or decimal digits in protocol 0 and 1
  kFloat,    // real
  kString,   // text, as in the file (UTF-8 not yet checked)
  kBytes,    // text; integer 1 where it is still UTF-8 of Latin-1, as protocol 2 writes bytes
  kTuple,    // items
  kList,     // items
  kSet,      // items
  kDict,     // items: key, value, key, value; a later key wins
  kGlobal,   // text "module.name", integer: the id that PickleObjects gave it
  kObject,   // text: class name; items: arguments, state, then key, value, ... of a dict subclass
  kStorage,  // integer: index of the storage
  kTensor,   // integer: index of the tensor
};

struct PickleValue {
  PickleKind kind = PickleKind::kNone;
  int64_t integer = 0;
  double real = 0;
  std::string_view text = {};  // into the file or into PickleHeap::keep
  std::vector<PickleRef> items = {};
};

/// Owns the values of one file. Throws Error(kUnsafeFile) beyond a count that no checkpoint reaches.
class PickleHeap {
 public:
  PickleHeap();

  const PickleValue& at(PickleRef ref) const { return values_[ref]; }
  PickleValue& at(PickleRef ref) { return values_[ref]; }
  size_t size() const { return values_.size(); }

  PickleRef add(PickleValue value);
  PickleRef add(PickleKind kind, std::vector<PickleRef> items);
  PickleRef add_int(int64_t value);
  PickleRef add_text(PickleKind kind, std::string_view text);
  PickleRef none() const { return 0; }
  PickleRef boolean(bool value) const { return value ? 2 : 1; }
  /// A copy of text that is not in the file as it is.
  std::string_view keep(std::string text);

 private:
  std::deque<PickleValue> values_;
  size_t items_ = 0;
  std::deque<std::string> texts_;
  size_t kept_ = 0;
};

class PickleObjects {
 public:
  virtual ~PickleObjects() = default;
  // Each throws Error(kUnsafeFile | kFileFormat) for what it does not know.
  virtual PickleRef find_global(std::string_view module, std::string_view name) = 0;
  virtual PickleRef call(PickleRef callable, PickleRef arguments) = 0;
  virtual void build(PickleRef object, PickleRef state) = 0;
  virtual PickleRef load_persistent(PickleRef id) = 0;
};

struct PickleResult {
  PickleRef value = 0;
  size_t length = 0;  // bytes up to and with STOP
};

/// Reads the pickle at the front of `bytes` (protocols 0 to 5) in time and memory linear in its length.
/// Throws Error(kFileFormat | kUnsafeFile) with the cause; the caller adds the file's name.
PickleResult read_pickle(std::string_view bytes, PickleHeap& heap, PickleObjects& objects);

}  // namespace svg
