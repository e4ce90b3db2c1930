// Plain values of a pickle as JSON; see state_dict.h.
#include <algorithm>
#include <cmath>
#include <map>

#include "core/cancel.h"
#include "core/error.h"
#include "io/dtypes.h"
#include "io/state_dict.h"
#include "io/text.h"

namespace svg {
namespace {

constexpr int kMaxJsonDepth = 16;
constexpr size_t kMaxJsonValues = 10'000;
constexpr size_t kMaxText = 4096;
constexpr size_t kMaxPairs = 1'000'000;    // looked at, of all dicts together
constexpr size_t kMaxAllText = 4'000'000;  // bytes of all keys and strings together
constexpr size_t kPairsPerCheck = 4096;

class JsonMaker {
 public:
  JsonMaker(const PickleHeap& heap, const std::vector<TorchTensor>& tensors, bool leave_out_tensors)
      : heap_(heap), tensors_(tensors), leave_out_tensors_(leave_out_tensors) {}

  Json make(PickleRef ref, int depth, const std::string& skip = "") {
    const PickleValue& value = heap_.at(ref);
    if (is_full() || depth > kMaxJsonDepth) return Json("...");
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
  bool is_full() const { return values_ >= kMaxJsonValues || pairs_ >= kMaxPairs || text_ >= kMaxAllText; }

  // Counts a pair that is looked at; false where no more may be.
  bool count_pair() {
    if (++pairs_ % kPairsPerCheck == 0) check_cancelled();
    return !is_full();
  }

  std::string text(std::string_view raw) {
    text_ += std::min(raw.size(), kMaxText);
    if (raw.size() <= kMaxText && is_utf8(raw)) return std::string(raw);
    return printable(raw, kMaxText);
  }

  // A value that the list of tensors shows, or one that held nothing else.
  bool is_left_out(PickleRef ref) const { return leave_out_tensors_ && heap_.at(ref).kind == PickleKind::kTensor; }
  bool is_emptied(PickleRef ref, const Json& made) const {
    if (!leave_out_tensors_ || heap_.at(ref).items.empty()) return false;
    return (made.is_object() && made.as_object().empty()) || (made.is_array() && made.as_array().empty());
  }

  static std::string describe(const TorchTensor& tensor) {
    return concat("tensor ", tensor.listed ? tensor.listed->name : torch_name(tensor.dtype), " ",
                  at::IntArrayRef(tensor.shape));
  }

  Json make_array(const PickleValue& value, int depth) {
    Json array = Json::array();
    for (const PickleRef item : value.items) {
      if (!count_pair()) {
        array.push_back(Json("..."));
        break;
      }
      if (is_left_out(item)) continue;
      Json made = make(item, depth + 1);
      if (!is_emptied(item, made)) array.push_back(std::move(made));
    }
    return array;
  }

  Json make_object(const PickleValue& value, size_t first, int depth, const std::string& skip) {
    std::map<std::string, PickleRef> last;  // a later key wins
    std::vector<std::string> order;
    for (size_t i = first; i + 1 < value.items.size() && order.size() < kMaxJsonValues; i += 2) {
      if (!count_pair()) break;
      if (is_left_out(value.items[i + 1])) continue;
      const std::string key = key_of(heap_.at(value.items[i]));
      if (!last.count(key)) order.push_back(key);
      last[key] = value.items[i + 1];
    }
    Json::Object members;
    for (const std::string& key : order) {
      if (!skip.empty() && key == skip) continue;
      if (is_full()) break;
      Json made = make(last.at(key), depth + 1);
      if (!is_emptied(last.at(key), made)) members.emplace_back(key, std::move(made));
    }
    return Json(std::move(members));
  }

  std::string key_of(const PickleValue& key) {
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
      for (size_t i = 0; i + 1 < state.items.size() && count_pair(); i += 2) {
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
  bool leave_out_tensors_;
  size_t values_ = 0;
  size_t pairs_ = 0;
  size_t text_ = 0;
};

}  // namespace

Json pickle_to_json(const PickleHeap& heap, PickleRef value, const std::vector<TorchTensor>& tensors,
                    const PlainValues& options) {
  return JsonMaker(heap, tensors, options.leave_out_tensors).make(value, 0, options.skip);
}

}  // namespace svg
