#include "io/state_dict.h"

#include "core/cancel.h"
#include "core/error.h"
#include "io/text.h"

namespace svg {
namespace {

constexpr int kMaxDepth = 32;
constexpr size_t kMaxNameBytes = 4096;
constexpr size_t kMaxAllNames = 64 << 20;
// In the order of preference: averages of several tools, then plain weights, then a wrapped module.
constexpr const char* kWrappers[] = {
    "state_dict_ema", "ema_state_dict",   "model_ema", "ema_model", "params_ema", "ema",   "shadow",
    "state_dict",     "model_state_dict", "params",    "model",     "net",        "module"};

bool is_dict(const PickleValue& value) { return value.kind == PickleKind::kDict || value.kind == PickleKind::kObject; }

// Where the key-value pairs of a dict or of an object's dict part begin.
size_t first_pair(const PickleValue& value) { return value.kind == PickleKind::kObject ? 2 : 0; }

std::optional<std::string> key_text(const PickleValue& key) {
  if (key.kind == PickleKind::kString) return std::string(key.text);
  if (key.kind == PickleKind::kInt) return std::to_string(key.integer);
  return std::nullopt;
}

bool is_container(const PickleValue& value) {
  return is_dict(value) || value.kind == PickleKind::kList || value.kind == PickleKind::kTuple;
}

// Values refer to each other freely, so a small file may unfold into any amount of work. All that is looked at counts.
class Work {
 public:
  explicit Work(const PickleHeap& heap) {
    size_t items = 0;
    for (PickleRef ref = 0; ref < heap.size(); ++ref) items += heap.at(ref).items.size();
    left_ = 16 * (heap.size() + items) + 10'000;
  }

  void count() {
    if (left_-- == 0) unfolds();
    if (left_ % kCheckEvery == 0) check_cancelled();
  }

  [[noreturn]] static void unfolds() {
    throw Error(ErrorCode::kUnsafeFile, "[torch] its values refer to each other so that they unfold without end");
  }

 private:
  static constexpr size_t kCheckEvery = 4096;
  size_t left_ = 0;
};

// What each container leads to, looked through once however often it is referred to.
class Reach {
 public:
  struct Facts {
    bool tensors = false;           // a tensor, through any containers
    bool tensors_in_dicts = false;  // a tensor, through dicts alone: lists do not make a state dict
    uint32_t unfolded = 0;          // containers and tensors below, each as often as it is referred to
  };

  Reach(const PickleHeap& heap, Work& work)
      : heap_(heap), work_(work), facts_(heap.size()), states_(heap.size(), State::kNew) {}

  const Facts& of(PickleRef root) {
    // By hand in place of recursion: a file nests its values as deep as it likes.
    std::vector<Place> path;
    enter(root, path);
    while (!path.empty()) {
      Place& place = path.back();
      const PickleValue& value = heap_.at(place.ref);
      if (place.next < value.items.size()) {
        const PickleRef item = value.items[place.next];
        place.next += is_dict(value) ? 2 : 1;
        enter(item, path);
      } else {
        const PickleRef done = place.ref;
        states_[done] = State::kDone;
        path.pop_back();
        if (!path.empty()) add(path.back().ref, done);
      }
    }
    return facts_[root];
  }

 private:
  enum class State : uint8_t { kNew, kOpen, kDone };
  struct Place {
    PickleRef ref;
    size_t next;  // item to look at
  };

  void enter(PickleRef ref, std::vector<Place>& path) {
    work_.count();
    const PickleValue& value = heap_.at(ref);
    if (states_[ref] == State::kNew && is_container(value)) {
      states_[ref] = State::kOpen;
      path.push_back({ref, is_dict(value) ? first_pair(value) + 1 : 0});
      return;
    }
    if (value.kind == PickleKind::kTensor) facts_[ref] = {true, true, 1};
    if (states_[ref] == State::kOpen) facts_[ref].unfolded = kEndless;  // a cycle
    if (!path.empty()) add(path.back().ref, ref);
  }

  void add(PickleRef container, PickleRef member) {
    const Facts& part = facts_[member];
    Facts& whole = facts_[container];
    whole.tensors = whole.tensors || part.tensors;
    whole.tensors_in_dicts = whole.tensors_in_dicts || (is_dict(heap_.at(container)) && part.tensors_in_dicts);
    const uint32_t visits = is_container(heap_.at(member)) ? 1 : 0;
    if (__builtin_add_overflow(whole.unfolded, part.unfolded, &whole.unfolded) ||
        __builtin_add_overflow(whole.unfolded, visits, &whole.unfolded)) {
      whole.unfolded = kEndless;
    }
  }

  static constexpr uint32_t kEndless = UINT32_MAX;

  const PickleHeap& heap_;
  Work& work_;
  std::vector<Facts> facts_;
  std::vector<State> states_;
};

class Flattener {
 public:
  explicit Flattener(const PickleHeap& heap)
      : heap_(heap), work_(heap), reach_(heap, work_), max_visits_(4 * heap.size() + 10'000) {}

  std::map<std::string, size_t> flatten(PickleRef value) {
    const Reach::Facts& facts = reach_.of(value);
    if (facts.unfolded > max_visits_) Work::unfolds();
    if (heap_.at(value).kind == PickleKind::kTensor) {
      add("tensor", value);
    } else if (facts.tensors) {
      visit(value, "", 0);
    }
    return std::move(tensors_);
  }

  bool is_state_dict(PickleRef value) { return is_dict(heap_.at(value)) && reach_.of(value).tensors_in_dicts; }

  // The last of equal keys wins, as in Python.
  std::optional<PickleRef> find_member(PickleRef dict, std::string_view name) {
    const PickleValue& value = heap_.at(dict);
    if (!is_dict(value)) return std::nullopt;
    for (size_t i = value.items.size(); i >= first_pair(value) + 2; i -= 2) {
      work_.count();
      const PickleValue& key = heap_.at(value.items[i - 2]);
      if (key.kind == PickleKind::kString && key.text == name) return value.items[i - 1];
    }
    return std::nullopt;
  }

 private:
  // Only called for containers that lead to a tensor.
  void visit(PickleRef value, const std::string& prefix, int depth) {
    if (depth > kMaxDepth) Work::unfolds();
    const PickleValue& container = heap_.at(value);
    if (is_dict(container)) {
      std::map<std::string, PickleRef> members;
      for (size_t i = first_pair(container); i + 1 < container.items.size(); i += 2) {
        work_.count();
        if (!leads_on(container.items[i + 1])) continue;
        if (const auto key = key_text(heap_.at(container.items[i]))) members[*key] = container.items[i + 1];
      }
      for (const auto& [key, member] : members) visit_member(member, prefix + key, depth);
    } else {
      for (size_t i = 0; i < container.items.size(); ++i) {
        work_.count();
        if (leads_on(container.items[i])) visit_member(container.items[i], prefix + std::to_string(i), depth);
      }
    }
  }

  bool leads_on(PickleRef member) { return reach_.of(member).tensors; }

  void visit_member(PickleRef member, const std::string& name, int depth) {
    if (heap_.at(member).kind == PickleKind::kTensor) {
      add(name, member);
    } else {
      visit(member, name + ".", depth + 1);
    }
  }

  void add(const std::string& name, PickleRef tensor) {
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
  Work work_;
  Reach reach_;
  size_t max_visits_;
  size_t names_ = 0;
  std::map<std::string, size_t> tensors_;
};

}  // namespace

StateDict find_state_dict(const PickleHeap& heap, PickleRef value,
                          const std::optional<std::vector<std::string>>& root) {
  StateDict found;
  Flattener flattener(heap);
  if (root) {
    for (const std::string& key : *root) {
      const std::optional<PickleRef> member = flattener.find_member(value, key);
      SVG_CHECK(member, ErrorCode::kFileFormat, "[torch] has no entry \"", printable(key), "\"");
      value = *member;
      found.root.push_back(key);
    }
  }
  for (bool descend = !root; descend;) {
    descend = false;
    for (const char* wrapper : kWrappers) {
      const std::optional<PickleRef> member = flattener.find_member(value, wrapper);
      if (!member || !flattener.is_state_dict(*member)) continue;
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
