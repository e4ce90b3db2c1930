#include "io/pickle.h"

#include <charconv>
#include <cstring>
#include <unordered_map>

#include "core/cancel.h"
#include "core/error.h"
#include "io/pickle_text.h"
#include "io/text.h"

namespace svg {
namespace {

constexpr size_t kMaxValues = 2'000'000;
constexpr size_t kMaxItems = 4 * kMaxValues;    // of all containers: a shared list may be copied into many
constexpr size_t kMaxMarks = 1000;              // open containers: Python's own pickler stops near this depth too
constexpr size_t kMaxKept = size_t{256} << 20;  // bytes of text that is not in the file as it is
constexpr size_t kStepsPerCheck = 4096;
constexpr size_t kMaxLine = 4096;  // longest operand that ends with a newline and is not a string

[[noreturn]] void fail_pickle(const std::string& cause) { throw Error(ErrorCode::kFileFormat, "[pickle] " + cause); }
[[noreturn]] void refuse_pickle(const std::string& cause) { throw Error(ErrorCode::kUnsafeFile, "[pickle] " + cause); }

class Unpickler {
 public:
  Unpickler(std::string_view bytes, PickleHeap& heap, PickleObjects& objects)
      : bytes_(bytes), heap_(heap), objects_(objects) {}

  PickleResult run() {
    for (size_t steps = 1;; ++steps) {
      if (steps % kStepsPerCheck == 0) check_cancelled();
      const char opcode = take(1)[0];
      if (opcode == '.') break;
      step(opcode);
    }
    if (stack_.size() != 1 || !marks_.empty()) fail_pickle("it ends with unfinished values");
    return {stack_[0], at_};
  }

 private:
  void step(char opcode) {
    switch (opcode) {
      case '\x80': check_protocol(take_number<uint8_t>()); break;
      case '\x95': check_frame(take_number<uint64_t>()); break;
      // Plain values.
      case 'N': push(heap_.none()); break;
      case '\x88': push(heap_.boolean(true)); break;
      case '\x89': push(heap_.boolean(false)); break;
      case 'K': push_int(take_number<uint8_t>()); break;
      case 'M': push_int(take_number<uint16_t>()); break;
      case 'J': push_int(take_number<int32_t>()); break;
      case '\x8a': push_long(take(take_number<uint8_t>())); break;
      case '\x8b': push_long(take(take_length<int32_t>())); break;
      case 'I': push_text_int(take_line()); break;
      case 'L': push_text_long(take_line()); break;
      case 'G': push_float(take_big_endian_double()); break;
      case 'F': push_float(parse_pickle_float(take_line())); break;
      // Strings and bytes.
      case '\x8c': push_text(PickleKind::kString, take(take_number<uint8_t>())); break;
      case 'X': push_text(PickleKind::kString, take(take_number<uint32_t>())); break;
      case '\x8d': push_text(PickleKind::kString, take(take_number<uint64_t>())); break;
      case 'V': push_text(PickleKind::kString, heap_.keep(decode_unicode_line(take_line(bytes_.size())))); break;
      case 'U': push_python2_text(take(take_number<uint8_t>())); break;
      case 'T': push_python2_text(take(take_length<int32_t>())); break;
      case 'S': push_python2_text(heap_.keep(decode_quoted_line(take_line(bytes_.size())))); break;
      case 'C': push_text(PickleKind::kBytes, take(take_number<uint8_t>())); break;
      case 'B': push_text(PickleKind::kBytes, take(take_number<uint32_t>())); break;
      case '\x8e':
      case '\x96': push_text(PickleKind::kBytes, take(take_number<uint64_t>())); break;
      // Containers.
      case '(': push_mark(); break;
      case ')': push(heap_.add(PickleKind::kTuple, {})); break;
      case '\x85': push_tuple(1); break;
      case '\x86': push_tuple(2); break;
      case '\x87': push_tuple(3); break;
      case 't': push_container(PickleKind::kTuple); break;
      case ']': push(heap_.add(PickleKind::kList, {})); break;
      case 'l': push_container(PickleKind::kList); break;
      case 'a': append({pop()}); break;
      case 'e': append(pop_to_mark()); break;
      case '}': push(heap_.add(PickleKind::kDict, {})); break;
      case 'd': push_dict(); break;
      case 's': set_one(); break;
      case 'u': set_items(pop_to_mark()); break;
      case '\x8f': push(heap_.add(PickleKind::kSet, {})); break;
      case '\x90': add_to_set(pop_to_mark()); break;
      case '\x91': push_container(PickleKind::kSet); break;
      // The stack and the memo.
      case '0': discard(); break;
      case '1': pop_to_mark(); break;
      case '2': push(top()); break;
      case 'h': push_memo(take_number<uint8_t>()); break;
      case 'j': push_memo(take_number<uint32_t>()); break;
      case 'g': push_memo(take_text_index()); break;
      case 'q': memoize(take_number<uint8_t>()); break;
      case 'r': memoize(take_number<uint32_t>()); break;
      case 'p': memoize(take_text_index()); break;
      case '\x94': memoize(memo_.size()); break;
      // Objects: their meaning is up to objects_.
      case 'c': push_named_global(); break;
      case '\x93': push_stack_global(); break;
      case 'R': call_top(); break;
      case '\x81': call_top(); break;  // cls.__new__(cls, *args) builds the same values as cls(*args)
      case '\x92': new_with_keywords(); break;
      case 'i': instantiate(); break;
      case 'o': instantiate_from_mark(); break;
      case 'b': build_top(); break;
      case 'Q': push(objects_.load_persistent(pop())); break;
      case 'P': push(objects_.load_persistent(heap_.add_text(PickleKind::kString, take_line()))); break;
      case '\x82':
      case '\x83':
      case '\x84': refuse_pickle("it uses the extension registry, which names code outside the file");
      default:
        fail_pickle(
            concat("unknown opcode ", static_cast<int>(static_cast<unsigned char>(opcode)), " at byte ", at_ - 1));
    }
  }

  // --- operands -----------------------------------------------------------------------------------
  std::string_view take(uint64_t length) {
    if (length > bytes_.size() - at_)
      fail_pickle(concat("cut at byte ", at_, ": ", length, " more bytes are announced"));
    const std::string_view part = bytes_.substr(at_, length);
    at_ += length;
    return part;
  }

  template <typename T>
  T take_number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }

  template <typename T>
  uint64_t take_length() {
    const T length = take_number<T>();
    if (length < 0) fail_pickle(concat("a negative length at byte ", at_));
    return static_cast<uint64_t>(length);
  }

  std::string_view take_line(size_t limit = kMaxLine) {
    const size_t end = bytes_.substr(at_, limit).find('\n');
    if (end == std::string_view::npos) fail_pickle(concat("cut at byte ", at_, ": a line without end"));
    const std::string_view line = bytes_.substr(at_, end);
    at_ += end + 1;
    return line;
  }

  uint64_t take_text_index() {
    const std::string_view line = take_line();
    uint64_t index = 0;
    const auto result = std::from_chars(line.data(), line.data() + line.size(), index);
    if (result.ec != std::errc() || result.ptr != line.data() + line.size()) fail_pickle("a memo index is no number");
    return index;
  }

  double take_big_endian_double() {
    uint64_t bits = 0;
    for (const char byte : take(8)) bits = bits << 8 | static_cast<unsigned char>(byte);
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

  void check_protocol(uint8_t protocol) const {
    if (protocol > 5) fail_pickle(concat("protocol ", static_cast<int>(protocol), " is unknown"));
  }

  void check_frame(uint64_t length) const {
    if (length > bytes_.size() - at_) fail_pickle(concat("cut: a frame of ", length, " bytes is announced"));
  }

  // --- the stack ----------------------------------------------------------------------------------
  size_t bottom() const { return marks_.empty() ? 0 : marks_.back(); }

  void push(PickleRef ref) {
    if (stack_.size() >= kMaxValues) refuse_pickle("too many values");
    stack_.push_back(ref);
  }

  PickleRef top() const {
    if (stack_.size() <= bottom()) fail_pickle(concat("an operand is missing at byte ", at_));
    return stack_.back();
  }

  PickleRef pop() {
    const PickleRef ref = top();
    stack_.pop_back();
    return ref;
  }

  void discard() {
    if (!marks_.empty() && stack_.size() == marks_.back()) {
      marks_.pop_back();
    } else {
      pop();
    }
  }

  void push_mark() {
    if (marks_.size() >= kMaxMarks) refuse_pickle("values nested too deep");
    marks_.push_back(stack_.size());
  }

  std::vector<PickleRef> pop_to_mark() {
    if (marks_.empty()) fail_pickle(concat("a mark is missing at byte ", at_));
    std::vector<PickleRef> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }

  // --- values -------------------------------------------------------------------------------------
  void push_int(int64_t value) { push(heap_.add_int(value)); }

  void push_float(double value) {
    PickleValue number{PickleKind::kFloat};
    number.real = value;
    push(heap_.add(std::move(number)));
  }

  void push_text(PickleKind kind, std::string_view text) { push(heap_.add_text(kind, text)); }

  // Python 2 had one type for both.
  void push_python2_text(std::string_view text) {
    push_text(is_utf8(text) ? PickleKind::kString : PickleKind::kBytes, text);
  }

  // Two's complement, little-endian, of any length.
  void push_long(std::string_view bytes) {
    if (bytes.size() > 8) return push_text(PickleKind::kBigInt, bytes);
    uint64_t value = !bytes.empty() && (bytes.back() & 0x80) ? ~uint64_t{0} : 0;
    for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    push_int(static_cast<int64_t>(value));
  }

  void push_text_int(std::string_view line) {
    if (line == "00" || line == "01") return push(heap_.boolean(line == "01"));
    push_text_long(line);
  }

  void push_text_long(std::string_view line) {
    if (!line.empty() && line.back() == 'L') line.remove_suffix(1);
    const size_t digits = !line.empty() && line[0] == '-' ? 1 : 0;
    if (line.size() == digits || line.find_first_not_of("0123456789", digits) != line.npos)
      fail_pickle("not an integer");
    int64_t value = 0;
    const auto result = std::from_chars(line.data(), line.data() + line.size(), value);
    if (result.ec == std::errc()) return push_int(value);
    push_text(PickleKind::kBigInt, line);
  }

  void push_tuple(size_t count) {
    if (stack_.size() - bottom() < count) fail_pickle(concat("an operand is missing at byte ", at_));
    std::vector<PickleRef> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    push(heap_.add(PickleKind::kTuple, std::move(items)));
  }

  void push_container(PickleKind kind) { push(heap_.add(kind, pop_to_mark())); }

  void push_dict() {
    std::vector<PickleRef> items = pop_to_mark();
    if (items.size() % 2) fail_pickle("a key without a value");
    push(heap_.add(PickleKind::kDict, std::move(items)));
  }

  void extend(PickleRef target, const std::vector<PickleRef>& items) {
    std::vector<PickleRef>& held = heap_.at(target).items;
    held.insert(held.end(), items.begin(), items.end());
  }

  void append(const std::vector<PickleRef>& items) {
    if (heap_.at(top()).kind != PickleKind::kList) fail_pickle("an append to what is no list");
    extend(top(), items);
  }

  void add_to_set(const std::vector<PickleRef>& items) {
    if (heap_.at(top()).kind != PickleKind::kSet) fail_pickle("an addition to what is no set");
    extend(top(), items);
  }

  void set_one() {
    const PickleRef value = pop();
    const PickleRef key = pop();
    set_items({key, value});
  }

  void set_items(const std::vector<PickleRef>& items) {
    const PickleKind kind = heap_.at(top()).kind;
    if (kind != PickleKind::kDict && kind != PickleKind::kObject) fail_pickle("a key set on what is no dict");
    if (items.size() % 2) fail_pickle("a key without a value");
    extend(top(), items);
  }

  // --- the memo -----------------------------------------------------------------------------------
  void memoize(uint64_t index) {
    if (memo_.size() >= kMaxValues) refuse_pickle("too many memo entries");
    memo_[index] = top();
  }

  void push_memo(uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) fail_pickle(concat("memo entry ", index, " is used before it is set"));
    push(found->second);
  }

  // --- objects ------------------------------------------------------------------------------------
  void push_global(std::string_view module, std::string_view name) { push(objects_.find_global(module, name)); }

  void push_named_global() {
    const std::string_view module = take_line();
    push_global(module, take_line());
  }

  void push_stack_global() {
    const PickleRef name = pop();
    const PickleRef module = pop();
    if (heap_.at(name).kind != PickleKind::kString || heap_.at(module).kind != PickleKind::kString) {
      refuse_pickle("a global whose name is no string");
    }
    push_global(heap_.at(module).text, heap_.at(name).text);
  }

  void call_top() {
    const PickleRef arguments = pop();
    const PickleRef callable = pop();
    if (heap_.at(arguments).kind != PickleKind::kTuple) fail_pickle("a call whose arguments are no tuple");
    push(objects_.call(callable, arguments));
  }

  void new_with_keywords() {
    const PickleRef keywords = pop();
    if (heap_.at(keywords).kind != PickleKind::kDict || !heap_.at(keywords).items.empty()) {
      refuse_pickle("an object built with keyword arguments");
    }
    call_top();
  }

  void instantiate() {
    const std::string_view module = take_line();
    const PickleRef callable = objects_.find_global(module, take_line());
    push(objects_.call(callable, heap_.add(PickleKind::kTuple, pop_to_mark())));
  }

  void instantiate_from_mark() {
    std::vector<PickleRef> items = pop_to_mark();
    if (items.empty()) fail_pickle("an object without a class");
    const PickleRef callable = items.front();
    items.erase(items.begin());
    push(objects_.call(callable, heap_.add(PickleKind::kTuple, std::move(items))));
  }

  void build_top() {
    const PickleRef state = pop();
    objects_.build(top(), state);
  }

  std::string_view bytes_;
  size_t at_ = 0;
  PickleHeap& heap_;
  PickleObjects& objects_;
  std::vector<PickleRef> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, PickleRef> memo_;
};

}  // namespace

PickleHeap::PickleHeap() {
  values_.emplace_back();
  for (const bool value : {false, true}) {
    PickleValue boolean{PickleKind::kBool};
    boolean.integer = value;
    values_.push_back(std::move(boolean));
  }
}

PickleRef PickleHeap::add(PickleValue value) {
  items_ += value.items.size();
  if (values_.size() >= kMaxValues || items_ > kMaxItems) refuse_pickle(concat("more than ", kMaxValues, " values"));
  values_.push_back(std::move(value));
  return static_cast<PickleRef>(values_.size() - 1);
}

PickleRef PickleHeap::add(PickleKind kind, std::vector<PickleRef> items) {
  PickleValue value{kind};
  value.items = std::move(items);
  return add(std::move(value));
}

PickleRef PickleHeap::add_int(int64_t integer) {
  PickleValue value{PickleKind::kInt};
  value.integer = integer;
  return add(std::move(value));
}

PickleRef PickleHeap::add_text(PickleKind kind, std::string_view text) {
  PickleValue value{kind};
  value.text = text;
  return add(std::move(value));
}

std::string_view PickleHeap::keep(std::string text) {
  kept_ += text.size();
  if (kept_ > kMaxKept) refuse_pickle("its texts unfold without end");
  texts_.push_back(std::move(text));
  return texts_.back();
}

PickleResult read_pickle(std::string_view bytes, PickleHeap& heap, PickleObjects& objects) {
  return Unpickler(bytes, heap, objects).run();
}

}  // namespace svg
