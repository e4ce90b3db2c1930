#include "io/state_dict.h"

#include "core/error.h"
#include "io/text.h"

namespace svg {
namespace {

constexpr int kMaxDepth = 32;
constexpr size_t kMaxNameBytes = 4096;
constexpr size_t kMaxAllNames = 64 << 20;
// In the order of preference: a Lightning file, averaged weights, plain weights, a wrapped module.
constexpr const char* kWrappers[] = {"state_dict", "ema", "model", "module"};

bool is_dict(const PickleValue& value) { return value.kind == PickleKind::kDict || value.kind == PickleKind::kObject; }

// Where the key-value pairs of a dict or of an object's dict part begin.
size_t first_pair(const PickleValue& value) { return value.kind == PickleKind::kObject ? 2 : 0; }

std::optional<std::string> key_text(const PickleValue& key) {
  if (key.kind == PickleKind::kString) return std::string(key.text);
  if (key.kind == PickleKind::kInt) return std::to_string(key.integer);
  return std::nullopt;
}

// The last of equal keys wins, as in Python.
std::optional<PickleRef> find_member(const PickleHeap& heap, PickleRef dict, std::string_view name) {
  const PickleValue& value = heap.at(dict);
  if (!is_dict(value)) return std::nullopt;
  for (size_t i = value.items.size(); i >= first_pair(value) + 2; i -= 2) {
    const PickleValue& key = heap.at(value.items[i - 2]);
    if (key.kind == PickleKind::kString && key.text == name) return value.items[i - 1];
  }
  return std::nullopt;
}

class Flattener {
 public:
  explicit Flattener(const PickleHeap& heap) : heap_(heap), visits_left_(4 * heap.size() + 10'000) {}

  std::map<std::string, size_t> flatten(PickleRef value) {
    if (heap_.at(value).kind == PickleKind::kTensor) {
      add("tensor", value);
    } else {
      visit(value, "", 0);
    }
    return std::move(tensors_);
  }

  bool holds_tensors(PickleRef value, int depth = 0) {
    count_visit(depth);
    const PickleValue& container = heap_.at(value);
    if (container.kind == PickleKind::kTensor) return true;
    if (!is_dict(container)) return false;
    for (size_t i = first_pair(container) + 1; i < container.items.size(); i += 2) {
      if (holds_tensors(container.items[i], depth + 1)) return true;
    }
    return false;
  }

 private:
  void count_visit(int depth) {
    if (visits_left_-- == 0 || depth > kMaxDepth) {
      throw Error(ErrorCode::kUnsafeFile, "[torch] its values refer to each other so that they unfold without end");
    }
  }

  void visit(PickleRef value, const std::string& prefix, int depth) {
    count_visit(depth);
    const PickleValue& container = heap_.at(value);
    if (is_dict(container)) {
      std::map<std::string, PickleRef> members;
      for (size_t i = first_pair(container); i + 1 < container.items.size(); i += 2) {
        if (const auto key = key_text(heap_.at(container.items[i]))) members[*key] = container.items[i + 1];
      }
      for (const auto& [key, member] : members) visit_member(member, prefix + key, depth);
    } else if (container.kind == PickleKind::kList || container.kind == PickleKind::kTuple) {
      for (size_t i = 0; i < container.items.size(); ++i) {
        visit_member(container.items[i], prefix + std::to_string(i), depth);
      }
    }
  }

  void visit_member(PickleRef member, const std::string& name, int depth) {
    switch (heap_.at(member).kind) {
      case PickleKind::kTensor: add(name, member); break;
      case PickleKind::kDict:
      case PickleKind::kObject:
      case PickleKind::kList:
      case PickleKind::kTuple: visit(member, name + ".", depth + 1); break;
      default: break;
    }
  }

  void add(const std::string& name, PickleRef tensor) {
    count_visit(0);
    names_ += name.size();
    if (name.size() > kMaxNameBytes || names_ > kMaxAllNames) {
      throw Error(ErrorCode::kUnsafeFile, "[torch] tensor names of absurd length");
    }
    if (!is_utf8(name)) throw Error(ErrorCode::kFileFormat, "[torch] a tensor name is not UTF-8");
    if (!tensors_.emplace(name, static_cast<size_t>(heap_.at(tensor).integer)).second) {
      throw Error(ErrorCode::kFileFormat, concat("[torch] two tensors share the name \"", printable(name), "\""));
    }
  }

  const PickleHeap& heap_;
  size_t visits_left_;
  size_t names_ = 0;
  std::map<std::string, size_t> tensors_;
};

}  // namespace

StateDict find_state_dict(const PickleHeap& heap, PickleRef value,
                          const std::optional<std::vector<std::string>>& root) {
  StateDict found;
  if (root) {
    for (const std::string& key : *root) {
      const std::optional<PickleRef> member = find_member(heap, value, key);
      SVG_CHECK(member, ErrorCode::kFileFormat, "[torch] has no entry \"", printable(key), "\"");
      value = *member;
      found.root.push_back(key);
    }
  }
  Flattener flattener(heap);
  for (bool descend = !root; descend;) {
    descend = false;
    for (const char* wrapper : kWrappers) {
      const std::optional<PickleRef> member = find_member(heap, value, wrapper);
      if (!member || !is_dict(heap.at(*member)) || !flattener.holds_tensors(*member)) continue;
      value = *member;
      found.root.emplace_back(wrapper);
      SVG_CHECK(found.root.size() <= kMaxDepth, ErrorCode::kUnsafeFile, "[torch] state dicts nested without end");
      descend = true;
      break;
    }
  }
  found.tensors = flattener.flatten(value);
  return found;
}

}  // namespace svg
