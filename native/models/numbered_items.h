// Pictures by the numbers under which they were added: what every GuidedVelocity keeps.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "core/error.h"

namespace svg {

template <typename Item>
class NumberedItems {
 public:
  int64_t add(Item item) {
    items_.emplace(next_, std::move(item));
    return next_++;
  }
  void remove(int64_t number) { items_.erase(number); }

  const Item& at(int64_t number) const {
    const auto found = items_.find(number);
    SVG_CHECK(found != items_.end(), ErrorCode::kInternal, "[guide] there is no picture ", number);
    return found->second;
  }
  Item& at(int64_t number) { return const_cast<Item&>(std::as_const(*this).at(number)); }
  const std::map<int64_t, Item>& all() const { return items_; }

 private:
  std::map<int64_t, Item> items_;
  int64_t next_ = 0;  // never given twice, so that a number tells a picture from those that were before it
};

}  // namespace svg
