#include "models/work.h"

#include <algorithm>

namespace svg {
namespace {

/// Adds to the entry that is `same`, or a new one.
template <typename Entry, typename Same>
void merge_work(std::vector<Entry>& entries, const Entry& one, Same same) {
  if (one.times <= 0) return;
  const auto found = std::find_if(entries.begin(), entries.end(), same);
  if (found == entries.end()) {
    entries.push_back(one);
  } else {
    found->times += one.times;
  }
}

double real(int64_t value) { return static_cast<double>(value); }

}  // namespace

void Work::product(int64_t rows, int64_t in, int64_t out, double times) {
  if (rows <= 0) return;
  merge_work(products, Product{rows, in, out, times},
             [&](const Product& known) { return known.rows == rows && known.in == in && known.out == out; });
}

void Work::attention(const Attention& one) {
  if (one.queries <= 0 || one.keys <= 0) return;
  merge_work(attentions, one, [&](const Attention& known) {
    return known.queries == one.queries && known.keys == one.keys && known.heads == one.heads &&
           known.kv_heads == one.kv_heads && known.head_dim == one.head_dim;
  });
}

void Work::convolution(const Convolution& one) {
  merge_work(convolutions, one, [&](const Convolution& known) {
    return known.rows == one.rows && known.columns == one.columns && known.in == one.in && known.out == one.out &&
           known.kernel == one.kernel;
  });
}

void Work::pass(double bytes, double count) {
  pass_bytes += bytes;
  passes += count;
}

void Work::hold(int64_t bytes) { peak_bytes = std::max(peak_bytes, bytes); }

void Work::add(const Work& other, double times) {
  for (const Product& one : other.products) product(one.rows, one.in, one.out, times * one.times);
  for (Attention one : other.attentions) {
    one.times *= times;
    attention(one);
  }
  for (Convolution one : other.convolutions) {
    one.times *= times;
    convolution(one);
  }
  pass(times * other.pass_bytes, times * other.passes);
  hold(other.peak_bytes);
}

double Work::flops() const {
  double sum = 0;
  for (const Product& one : products) sum += 2 * one.times * real(one.rows) * real(one.in) * real(one.out);
  for (const Attention& one : attentions) {
    sum += 4 * one.times * real(one.queries) * real(one.keys) * real(one.heads) * real(one.head_dim);
  }
  for (const Convolution& one : convolutions) {
    sum += 2 * one.times * real(one.rows) * real(one.columns) * real(one.in) * real(one.out) *
           real(one.kernel * one.kernel);
  }
  return sum;
}

}  // namespace svg
