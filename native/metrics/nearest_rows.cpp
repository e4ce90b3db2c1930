#include "metrics/nearest_rows.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/cancel.h"

namespace svg {
namespace {

/// So many more rows than are asked for are looked at by differences first: those whose order a product's rounding may
/// have changed.
constexpr int64_t kSpareCandidates = 8;

// A sum of d products is off by at most d / 2 epsilon times the sum of their sizes, which for x.y is at most
// (|x|^2 + |y|^2) / 2: d epsilon covers the product and both norms; what is added to d, the few operations between
// them.
double product_slack(int64_t dimensions) {
  return static_cast<double>(dimensions + 16) * std::numeric_limits<double>::epsilon();
}

/// The nearest rows met so far, the farthest of them first.
class Candidates {
 public:
  explicit Candidates(size_t most) : most_(most) {}

  double bound() const {
    return nearest_.size() < most_ ? std::numeric_limits<double>::infinity() : nearest_.front().first;
  }
  void add(double distance, int64_t row) {
    if (nearest_.size() == most_) {
      std::pop_heap(nearest_.begin(), nearest_.end());
      nearest_.pop_back();
    }
    nearest_.emplace_back(distance, row);
    std::push_heap(nearest_.begin(), nearest_.end());
  }
  std::vector<int64_t> rows() const {
    std::vector<int64_t> rows;
    for (const auto& candidate : nearest_) rows.push_back(candidate.second);
    std::sort(rows.begin(), rows.end());
    return rows;
  }

 private:
  size_t most_;
  std::vector<std::pair<double, int64_t>> nearest_;
};

/// Each pair of rows is met once, and is a candidate of both.
void offer_pairs(const RowBlock& x, const RowBlock& y, std::vector<Candidates>& candidates) {
  const ApproximateDistances distances(x, y);
  std::vector<double> y_bounds;
  for (int64_t j = 0; j < y.count; ++j) y_bounds.push_back(candidates[static_cast<size_t>(y.start + j)].bound());
  for (int64_t i = 0; i < x.count; ++i) {
    Candidates& of_x = candidates[static_cast<size_t>(x.start + i)];
    double x_bound = of_x.bound();
    for (int64_t j = x.start == y.start ? i + 1 : 0; j < y.count; ++j) {
      const double distance = distances(i, j);
      if (distance < x_bound) {
        of_x.add(distance, y.start + j);
        x_bound = of_x.bound();
      }
      if (distance < y_bounds[static_cast<size_t>(j)]) {
        Candidates& of_y = candidates[static_cast<size_t>(y.start + j)];
        of_y.add(distance, x.start + i);
        y_bounds[static_cast<size_t>(j)] = of_y.bound();
      }
    }
  }
}

double nth_smallest(std::vector<double>& values, int64_t n) {
  std::nth_element(values.begin(), values.begin() + (n - 1), values.end());
  return values[static_cast<size_t>(n - 1)];
}

/// By differences, of the distances of all others to row `own`.
double radius_over_all(const RowStore& store, int64_t own, const double* row, int64_t neighbours) {
  const int64_t n = store.count(), d = store.dimensions();
  std::vector<double> distances;
  for (int64_t from = 0; from < n; from += kRowsPerBlock) {
    check_cancelled();
    const at::Tensor others = store.rows(from, std::min(n, from + kRowsPerBlock)).to(at::kDouble);
    for (int64_t i = 0; i < others.size(0); ++i) {
      if (from + i == own) continue;
      distances.push_back(squared_distance(row, others.const_data_ptr<double>() + i * d, d));
    }
  }
  return nth_smallest(distances, neighbours);
}

/// By differences, of the candidates' distances to row i of the block; of all where the candidates may lack one.
double exact_radius(const RowStore& store, const RowBlock& x, int64_t i, const Candidates& candidates,
                    int64_t neighbours) {
  const int64_t d = store.dimensions();
  const double* row = x.rows.const_data_ptr<double>() + i * d;
  const at::Tensor others = store.rows(candidates.rows()).to(at::kDouble);
  std::vector<double> distances;
  for (int64_t j = 0; j < others.size(0); ++j) {
    distances.push_back(squared_distance(row, others.const_data_ptr<double>() + j * d, d));
  }
  const double radius = nth_smallest(distances, neighbours);
  // A row y that was left out is no candidate for being nearer than that where even its product's rounding does not
  // bring it there: |y|^2 is at most 2 |x|^2 + 2 radius then.
  const double norm = x.norms.const_data_ptr<double>()[i];
  const bool certain = radius == 0 || candidates.bound() - product_slack(d) * (3 * norm + 2 * radius) >= radius;
  return certain ? radius : radius_over_all(store, x.start + i, row, neighbours);
}

}  // namespace

RowBlock::RowBlock(const RowStore& store, int64_t from, int64_t to)
    : start(from), count(to - from), rows(store.rows(from, to).to(at::kDouble)), norms(rows.square().sum(1)) {}

double squared_distance(const double* x, const double* y, int64_t dimensions) {
  double sum = 0;
  for (int64_t i = 0; i < dimensions; ++i) sum += (x[i] - y[i]) * (x[i] - y[i]);
  return sum;
}

ApproximateDistances::ApproximateDistances(const RowBlock& x, const RowBlock& y)
    : products_(x.rows.matmul(y.rows.t()).contiguous()),
      x_norms_(x.norms.const_data_ptr<double>()),
      y_norms_(y.norms.const_data_ptr<double>()),
      products_data_(products_.const_data_ptr<double>()),
      columns_(y.count),
      slack_(product_slack(x.rows.size(1))) {}

std::vector<double> squared_radii(const RowStore& store, int64_t neighbours) {
  const int64_t n = store.count();
  std::vector<Candidates> candidates(static_cast<size_t>(n),
                                     Candidates(static_cast<size_t>(neighbours + kSpareCandidates)));
  for (int64_t from = 0; from < n; from += kRowsPerBlock) {
    const RowBlock x(store, from, std::min(n, from + kRowsPerBlock));
    for (int64_t other = from; other < n; other += kRowsPerBlock) {
      check_cancelled();
      offer_pairs(x, other == from ? x : RowBlock(store, other, std::min(n, other + kRowsPerBlock)), candidates);
    }
  }
  std::vector<double> radii;
  for (int64_t from = 0; from < n; from += kRowsPerBlock) {
    const RowBlock x(store, from, std::min(n, from + kRowsPerBlock));
    for (int64_t i = 0; i < x.count; ++i) {
      if (i % 256 == 0) check_cancelled();
      radii.push_back(exact_radius(store, x, i, candidates[static_cast<size_t>(from + i)], neighbours));
    }
  }
  return radii;
}

}  // namespace svg
