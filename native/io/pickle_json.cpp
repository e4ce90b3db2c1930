// Plain values of a pickle as JSON; see state_dict.h.
#include <cmath>
#include <map>

#include "core/error.h"
#include "io/dtypes.h"
#include "io/state_dict.h"
#include "io/text.h"

namespace svg {
namespace {

constexpr int kMaxDepth = 16;
constexpr size_t kMaxValues = 10'000;
constexpr size_t kMaxText = 4096;

class JsonMaker {
 public:
  JsonMaker(const PickleHeap& heap, const std::vector<TorchTensor>& tensors) : heap_(heap), tensors_(tensors) {}

  Json make(PickleRef ref, int depth, const std::string& skip = "") {
    const PickleValue& value = heap_.at(ref);
    if (values_ >= kMaxValues || depth > kMaxDepth) return Json("...");
    ++values_;
    switch (value.kind) {
      case PickleKind::kNone: return Json();
      case PickleKind::kBool: return Json(value.integer != 0);
      case PickleKind::kInt: return Json(value.integer);
      case PickleKind::kFloat: return std::isfinite(value.real) ? Json(value.real) : Json(std::to_string(value.real));
      case PickleKind::kString: return Json(text(value.text));
      case PickleKind::kBigInt: return Json(concat("integer of ", value.text.size(), " bytes"));
      case PickleKind::kBytes: return Json(concat(value.text.size(), " bytes"));
      case PickleKind::kGlobal: return Json(text(value.text));
      case PickleKind::kStorage: return Json("storage");
      case PickleKind::kTensor: return Json(describe(tensors_[static_cast<size_t>(value.integer)]));
      case PickleKind::kTuple:
      case PickleKind::kList:
      case PickleKind::kSet: return make_array(value, depth);
      case PickleKind::kDict: return make_object(value, 0, depth, skip);
      case PickleKind::kObject: return make_instance(value, depth, skip);
    }
    return Json();
  }

 private:
  static std::string text(std::string_view raw) {
    if (raw.size() <= kMaxText && is_utf8(raw)) return std::string(raw);
    return printable(raw, kMaxText);
  }

  static std::string describe(const TorchTensor& tensor) {
    return concat("tensor ", torch_name(tensor.dtype), " ", at::IntArrayRef(tensor.shape));
  }

  Json make_array(const PickleValue& value, int depth) {
    Json array = Json::array();
    for (const PickleRef item : value.items) {
      if (values_ >= kMaxValues) {
        array.push_back(Json("..."));
        break;
      }
      array.push_back(make(item, depth + 1));
    }
    return array;
  }

  Json make_object(const PickleValue& value, size_t first, int depth, const std::string& skip) {
    std::map<std::string, PickleRef> last;  // a later key wins
    std::vector<std::string> order;
    for (size_t i = first; i + 1 < value.items.size() && order.size() < kMaxValues; i += 2) {
      const std::string key = key_of(heap_.at(value.items[i]));
      if (!last.count(key)) order.push_back(key);
      last[key] = value.items[i + 1];
    }
    Json::Object members;
    for (const std::string& key : order) {
      if (!skip.empty() && key == skip) continue;
      if (values_ >= kMaxValues) break;
      members.emplace_back(key, make(last.at(key), depth + 1));
    }
    return Json(std::move(members));
  }

  static std::string key_of(const PickleValue& key) {
    switch (key.kind) {
      case PickleKind::kString:
      case PickleKind::kGlobal: return text(key.text);
      case PickleKind::kInt: return std::to_string(key.integer);
      case PickleKind::kBool: return key.integer ? "True" : "False";
      case PickleKind::kFloat: return concat(key.real);
      case PickleKind::kNone: return "None";
      default: return "?";
    }
  }

  // A Namespace shows its attributes; OmegaConf's nodes the value that they hold.
  Json make_instance(const PickleValue& value, int depth, const std::string& skip) {
    const PickleValue& state = heap_.at(value.items[1]);
    if (value.text.substr(0, 10) == "omegaconf." && state.kind == PickleKind::kDict) {
      for (size_t i = 0; i + 1 < state.items.size(); i += 2) {
        const std::string_view key = heap_.at(state.items[i]).text;
        if (key == "_content" || key == "_val") return make(state.items[i + 1], depth + 1, skip);
      }
    }
    if (state.kind == PickleKind::kDict) return make_object(state, 0, depth, skip);
    if (value.items.size() > 2) return make_object(value, 2, depth, skip);
    return Json(text(value.text));
  }

  const PickleHeap& heap_;
  const std::vector<TorchTensor>& tensors_;
  size_t values_ = 0;
};

}  // namespace

Json pickle_to_json(const PickleHeap& heap, PickleRef value, const std::vector<TorchTensor>& tensors,
                    const std::string& skip) {
  return JsonMaker(heap, tensors).make(value, 0, skip);
}

}  // namespace svg
