#include "models/label_table.h"

#include "core/error.h"

namespace svg {
namespace {

constexpr int64_t kImageNetClasses = 1000;

}  // namespace

LabelTable label_table(const Weights& weights, const Json& said) {
  const auto shape = weights.shape_of(kLabelTable);
  SVG_CHECK(shape && shape->size() == 2, ErrorCode::kWeightsMismatch, weights.description(),
            " holds no table of labels, \"", kLabelTable, "\" of two dimensions");
  const int64_t rows = shape->front();
  const Json* classes = said.find("num_classes");
  const Json* dropout = said.find("class_dropout_prob");
  LabelTable table;
  if (dropout) {
    table.none = dropout->as_double() > 0;
  } else if (classes) {
    table.none = classes->as_int() != rows;
  } else {
    table.none = rows != kImageNetClasses;
    if (!table.none) {
      table.remark = concat("its table of labels has ", rows, " rows, which is taken for ", rows,
                            " classes without one for \"none\", so that it cannot be guided; a model_args.json with "
                            "num_classes beside it says otherwise");
    }
  }
  table.classes = rows - (table.none ? 1 : 0);
  if (classes && classes->as_int() != table.classes) {
    const std::string also = dropout ? concat(" and class_dropout_prob ", dropout->as_double()) : "";
    throw Error(ErrorCode::kWeightsMismatch,
                concat("the configuration says num_classes ", classes->as_int(), also, ", the weights have a table of ",
                       rows, " labels"),
                "A table has a row a class, and one more for \"none\" where class_dropout_prob is above 0.");
  }
  return table;
}

}  // namespace svg
