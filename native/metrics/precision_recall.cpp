#include "metrics/precision_recall.h"

#include <algorithm>

#include "core/cancel.h"
#include "core/error.h"
#include "metrics/nearest_rows.h"

namespace svg {
namespace {

/// Which rows of a set lie within the radius of a row of the other one.
struct Covered {
  std::vector<char> rows;
  std::vector<double> radii;  // squared ones of the set itself

  Covered(const RowStore& store, int64_t neighbours)
      : rows(static_cast<size_t>(store.count())), radii(squared_radii(store, neighbours)) {}

  double share() const {
    return static_cast<double>(std::count(rows.begin(), rows.end(), 1)) / static_cast<double>(rows.size());
  }
};

void cover(const RowBlock& x, const RowBlock& y, Covered& of_x, Covered& of_y) {
  const ApproximateDistances distances(x, y);
  const int64_t d = x.rows.size(1);
  for (int64_t i = 0; i < x.count; ++i) {
    const auto at_x = static_cast<size_t>(x.start + i);
    for (int64_t j = 0; j < y.count; ++j) {
      const auto at_y = static_cast<size_t>(y.start + j);
      if (of_x.rows[at_x] && of_y.rows[at_y]) continue;
      const double x_radius = of_x.radii[at_x], y_radius = of_y.radii[at_y];
      const double distance = distances(i, j), slack = distances.slack(i, j);
      const double lowest = distance - slack;
      if (lowest > x_radius && lowest > y_radius) continue;
      double exact = distance;
      // A copy of a row lies just on a radius that leads to that row.
      if (std::abs(distance - x_radius) <= slack || std::abs(distance - y_radius) <= slack) {
        exact = squared_distance(x.rows.const_data_ptr<double>() + i * d, y.rows.const_data_ptr<double>() + j * d, d);
      }
      if (exact <= y_radius) of_x.rows[at_x] = 1;
      if (exact <= x_radius) of_y.rows[at_y] = 1;
    }
  }
}

}  // namespace

PrecisionRecall precision_recall(const RowStore& set, const RowStore& reference, int64_t neighbours) {
  SVG_CHECK(set.dimensions() == reference.dimensions(), ErrorCode::kInvalidArgument, "[metrics] rows of ",
            set.dimensions(), " features and of ", reference.dimensions(), " have no precision and recall");
  SVG_CHECK(neighbours >= 1, ErrorCode::kInvalidArgument, "[metrics] a radius over ", neighbours, " neighbours");
  for (const RowStore* rows : {&set, &reference}) {
    SVG_CHECK(rows->count() > neighbours, ErrorCode::kInvalidArgument, "[metrics] a set of ", rows->count(),
              " rows has no radii over ", neighbours, " neighbours: it needs more rows than that");
  }
  Covered of_set(set, neighbours), of_reference(reference, neighbours);
  for (int64_t from = 0; from < set.count(); from += kRowsPerBlock) {
    const RowBlock x(set, from, std::min(set.count(), from + kRowsPerBlock));
    for (int64_t other = 0; other < reference.count(); other += kRowsPerBlock) {
      check_cancelled();
      cover(x, RowBlock(reference, other, std::min(reference.count(), other + kRowsPerBlock)), of_set, of_reference);
    }
  }
  const double precision = of_set.share(), recall = of_reference.share();
  return {precision, recall, 2 * precision * recall / std::max(1e-5, precision + recall)};
}

}  // namespace svg
